// The library as its users get it: packed, installed without scripts into an
// empty folder, and asked about a real connection in each runtime; bundled
// into one program by Bun; and its types, as both module resolutions see them.

import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RUN } from './runtimes.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const library = join(root, 'packages', 'sockcred');

/** Asks about itself through a server at argv[2]; prints one line. */
const ASK = `
import { createServer, connect } from 'node:net';
import { isUser, peerCredentials } from 'sockcred';

const path = process.argv[2];
const server = createServer(socket => {
  const peer = peerCredentials(socket);
  const ourselves = isUser(peer, process.geteuid()) && peer.pid === process.pid && peer.role === 'connector';
  console.log(ourselves ? 'ourselves' : 'somebody else');
  socket.destroy();
  server.close();
});
server.listen(path, () => connect(path).on('error', () => {}));
`;

const TYPES = `
import { createServer } from 'node:net';
import { isUser, type PeerCredentials, PeerError, peerCredentials } from 'sockcred';

createServer(socket => {
  const peer: PeerCredentials = peerCredentials(socket);
  const uid: number | undefined = peer.uid;
  if (!isUser(peer, 0)) throw new PeerError('ERR_PEER_CLOSED', String(uid), { scope: 'connection' });
  // @ts-expect-error plain data is no live answer
  const made: PeerCredentials = { evidence: peer.evidence };
});
`;

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: 120_000,
    env: { ...process.env, NO_COLOR: '1', npm_config_offline: 'true', npm_config_update_notifier: 'false' },
  });
  if (status !== 0) return `ended with ${status ?? error?.message}: ${stdout}${stderr}`.trim();
  return stdout.trim();
}

/** Runs everything; returns how much of it went wrong. */
export function packedEverywhere(runtimes, directory) {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "private": true, "type": "module" }\n');
  writeFileSync(join(directory, 'ask.mjs'), ASK);
  writeFileSync(join(directory, 'types.ts'), TYPES);
  mkdirSync(join(directory, 'empty'));
  const words = ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory, library];
  const tarball = run('npm', words, directory).split('\n').at(-1);
  const installed = run(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', `./${tarball}`],
    directory,
  );
  let faults = 0;
  const told = (what, answer, expected = 'ourselves') => {
    console.log(`packed, ${what}: ${answer === expected ? 'works' : answer || 'no answer'}`);
    if (answer !== expected) faults++;
  };
  if (/^ended with/.test(installed)) told('install', installed);

  for (const { name, kind, program } of runtimes) {
    told(name, run(program, [...RUN[kind], 'ask.mjs', join(directory, `${name}.sock`)], directory));
    if (kind === 'node' && name !== 'node-20') {
      // Node 22 has another name for the flag than later ones.
      const flag = name === 'node-22' ? '--experimental-permission' : '--permission';
      const permissions = [flag, '--allow-addons', '--allow-fs-read=*', '--allow-fs-write=*'];
      const answer = run(
        program,
        ['--no-warnings', ...permissions, ...netPermission(name), 'ask.mjs', `${name}-p.sock`],
        directory,
      );
      told(`${name} with permissions`, answer);
    }
    if (kind === 'bun') compiled(program, directory, told);
  }
  bundled(runtimes, directory, told);
  types(directory, told);
  return faults;
}

/** Node 25 and later ask for the network as well. */
function netPermission(name) {
  return name === 'node-26' ? ['--allow-net'] : [];
}

/** One file that needs nothing beside it: the folder that it runs in is empty. */
function compiled(bun, directory, told) {
  const program = join(directory, 'asker');
  const words = ['build', '--compile', 'ask.mjs', '--outfile', program];
  const made = run(bun, words, directory);
  const empty = join(directory, 'empty');
  told('bun build --compile', /^ended with/.test(made) ? made : run(program, [join(empty, 's')], empty));

  const added = join(directory, 'bun-install');
  mkdirSync(added);
  writeFileSync(join(added, 'package.json'), '{ "private": true, "type": "module" }\n');
  writeFileSync(join(added, 'ask.mjs'), ASK);
  const tarball = run('sh', ['-c', 'ls ../sockcred-*.tgz'], added);
  const answer = run(bun, ['add', '--ignore-scripts', tarball], added);
  told(
    'bun add',
    /^ended with/.test(answer) ? answer : run(bun, ['run', 'ask.mjs', join(added, 's')], added),
  );
}

/** A CommonJS bundle by esbuild, which copies the addons beside it, in every Node. */
function bundled(runtimes, directory, told) {
  const into = join(directory, 'bundled');
  const words = [
    'ask.mjs',
    '--bundle',
    '--platform=node',
    '--format=cjs',
    '--loader:.node=copy',
    `--outdir=${into}`,
  ];
  const esbuild = join(root, 'node_modules', 'esbuild', 'bin', 'esbuild');
  const made = run(
    process.execPath,
    [esbuild, ...words, '--out-extension:.js=.cjs', '--log-level=error'],
    directory,
  );
  if (made !== '') return told('esbuild', made, '');
  const moved = join(directory, 'empty', 'bundled');
  renameSync(into, moved);
  for (const { name, kind, program } of runtimes) {
    if (kind === 'node')
      told(`${name}, bundled by esbuild`, run(program, [join(moved, 'ask.cjs'), `${name}.s`], moved));
  }
}

function types(directory, told) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const each = { nodenext: 'nodenext', bundler: 'esnext' };
  for (const [resolution, module] of Object.entries(each)) {
    const words = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--module',
      module,
      '--moduleResolution',
      resolution,
    ];
    const typeRoots = ['--typeRoots', join(root, 'node_modules', '@types'), '--types', 'node'];
    told(
      `types by ${resolution}`,
      run(process.execPath, [tsc, ...words, ...typeRoots, 'types.ts'], directory),
      '',
    );
  }
}
