/** `npx sockcred build` in an install from the packed package: a C compiler is all that it takes. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { needs } from './support/requirements.js';

const skip = needs('linux', 'cc', 'node');
const source = fileURLToPath(new URL('../', import.meta.url));

let directory = '';
let installed = '';

/** Runs a program in the project that has the package installed. */
function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(command, args, {
    cwd: directory,
    encoding: 'utf8',
    env: { ...process.env, npm_config_offline: 'true', npm_config_update_notifier: 'false', ...env },
  });
}

const ASK = `
import { peerCredentials } from 'sockcred';
import { createServer, connect } from 'node:net';
const server = createServer(socket => {
  try {
    const { uid, pid } = peerCredentials(socket);
    console.log(uid === process.geteuid() && pid === process.pid ? 'ourselves' : 'somebody else');
  } catch (error) {
    console.log(error.code, error.message);
  }
  server.close();
  socket.destroy();
}).listen('s', () => connect('s').on('error', () => {}));
`;

function ask(): string {
  const { stdout, stderr } = run(process.execPath, ['--input-type=module', '-e', ASK]);
  return `${stdout}${stderr}`.trim();
}

before(() => {
  if (skip !== false) return;
  directory = mkdtempSync(join(tmpdir(), 'sockcred-build-'));
  installed = join(directory, 'node_modules', 'sockcred');
  writeFileSync(join(directory, 'package.json'), '{ "private": true }\n');
  const packed = run('npm', [
    'pack',
    '--silent',
    '--ignore-scripts',
    '--pack-destination',
    directory,
    source,
  ]);
  assert.equal(packed.status, 0, packed.stderr);
  const tarball = join(directory, packed.stdout.trim());
  const install = run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball]);
  assert.equal(install.status, 0, install.stderr);
  rmSync(join(installed, 'prebuilds'), { recursive: true });
});

after(() => {
  if (directory !== '') rmSync(directory, { recursive: true, force: true });
});

test('where no prebuilt file fits, the error names the command that makes one', { skip }, () => {
  const said = ask();
  assert.match(said, /^ERR_PEER_ADDON /);
  assert.match(said, /npx sockcred build/);
});

test('without a C compiler, the command says what to install', { skip }, () => {
  const { status, stderr } = run('npm', ['exec', '--', 'sockcred', 'build'], { CC: '/nonexistent/cc' });
  assert.equal(status, 3);
  assert.match(stderr, /'\/nonexistent\/cc' did not start .*apt-get install gcc/);
  assert.match(ask(), /^ERR_PEER_ADDON /);
});

test('npx sockcred build makes the addon, with the system headers and nothing else', { skip }, () => {
  const { status, stdout, stderr } = run('npm', ['exec', '--', 'sockcred', 'build']);
  assert.equal(status, 0, stderr);
  const file = join(installed, 'prebuilds', `${process.platform}-${process.arch}`, 'sockcred.node');
  assert.equal(stdout, `built ${file} for linux\n`);
  assert.deepEqual(readdirSync(dirname(file)), ['sockcred.node'], 'nothing is left beside it');
  assert.equal(ask(), 'ourselves');
});

test('a wrong use of the command is told', { skip }, () => {
  const bin = join(installed, 'bin', 'sockcred.mjs');
  const flag = run(process.execPath, [bin, 'build', '--no-such-flag']);
  assert.equal(flag.status, 2);
  assert.match(flag.stderr, /^sockcred: .*--no-such-flag/);
  const system = run(process.execPath, [bin, 'build', '--system', 'vms']);
  assert.equal(system.status, 3);
  assert.match(system.stderr, /^sockcred: --system is one of linux, /);
  const other = run(process.execPath, [bin, 'who', 's']);
  assert.equal(other.status, 2);
  assert.match(other.stderr, /npm install @sockcred\/cli/);
});

test('every other command is that of @sockcred/cli, where it is installed', { skip }, () => {
  const here = spawnSync(process.execPath, [join(source, 'bin', 'sockcred.mjs'), '--version'], {
    encoding: 'utf8',
  });
  assert.equal(here.status, 0, here.stderr);
  assert.match(here.stdout, /^sockcred \d/);
});

test('the package ships what a build needs, and no tests', { skip }, () => {
  assert.ok(existsSync(join(installed, 'native', 'sys_darwin.c')));
  assert.ok(!existsSync(join(installed, 'native', 'test')));
  assert.ok(!existsSync(join(installed, 'native', 'declarations')));
  assert.ok(!existsSync(join(installed, 'test')));
  assert.ok(!existsSync(join(installed, 'cross')));
});
