/** Where what is mounted is not what the kernel's lists lead to expect, in a mount namespace of the asker's own. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCgroup, move } from './support/cgroups.js';
import { python, runAs } from './support/peers.js';
import { cgroupRoot, needs, programPath } from './support/requirements.js';

const asRoot = { skip: needs('linux', 'node', 'root', 'python3', 'unshare', 'setpriv', 'namespaces') };
const withCgroups = { skip: asRoot.skip || needs('cgroups') };

const ASK = `
const [process_, application, pid, question] = process.argv.slice(1);
const { runningProcess } = await import(process_);
const { peerCgroup } = await import(application);
const held = runningProcess(Number(pid));
let told;
try {
  told = question === 'cgroup' ? peerCgroup(held) : held.read(files => files.text('status'));
} catch (error) {
  told = { code: error.code, message: error.message };
}
console.log(JSON.stringify(told, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
`;

/** Asks about a process after shell commands that mount something, for the asker alone. */
function askedAfter(
  commands: string,
  pid: number | undefined,
  question: 'cgroup' | 'status',
  as: readonly string[] = [],
) {
  const modules = ['process', 'application'].map(room =>
    fileURLToPath(new URL(`../dist/${room}/index.js`, import.meta.url)),
  );
  const asker = [...as, process.execPath, '--input-type=module', '-e', ASK, ...modules, `${pid}`, question];
  const shell = ['/bin/sh', '-c', `set -e; ${commands}; exec "$@"`, 'sh', ...asker];
  const { stdout, stderr } = spawnSync(programPath('unshare'), ['--mount', ...shell], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

/** A process, asleep in a cgroup. */
function inCgroup(t: TestContext, cgroup: string): number | undefined {
  const { child } = python(t, 'hear()');
  move(child.pid, cgroup);
  return child.pid;
}

test('a path whose directory has another number than the kernel’s is not believed', withCgroups, t => {
  const real = makeCgroup(t, 'real.service');
  const other = makeCgroup(t, 'other.service');
  const pid = inCgroup(t, real);
  const before = askedAfter('true', pid, 'cgroup');
  if (before.id === undefined) {
    t.skip('needs PIDFD_GET_INFO: Linux 6.13');
    return;
  }
  assert.equal(before.id, `${statSync(real, { bigint: true }).ino}`);
  const told = askedAfter(`mount --bind ${other} ${real}`, pid, 'cgroup');
  assert.equal(told.code, 'ERR_PEER_APPLICATION');
  assert.match(told.message, /another number/);
});

test('directories that lie over the hierarchy of cgroups are nobody’s word', withCgroups, t => {
  const real = makeCgroup(t, 'real.service');
  const pid = inCgroup(t, real);
  const root = cgroupRoot() ?? '';
  const told = askedAfter(`mount -t tmpfs over ${root}; mkdir -p ${real}`, pid, 'cgroup');
  assert.ok(real.endsWith(told.path), told.message);
  for (const { authority } of told.segments) assert.deepEqual(authority, { of: 'user' });
  assert.notEqual(told.binding, 'kernel');
});

test('a process that procfs hides is there, and cannot be looked at', asRoot, t => {
  const { child } = python(t, 'hear()');
  const as = runAs({ uid: 1234, gid: 1234, groups: [] });
  const told = askedAfter('mount -t proc -o hidepid=2 proc /proc', child.pid, 'status', as);
  assert.equal(told.code, 'ERR_PEER_PROCESS');
  assert.match(told.message, /hidepid/);
});
