/** Which process it is, asked from other namespaces and through a procfs of another pid namespace. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { programElsewhere } from './support/elsewhere.js';
import { connectScript, python } from './support/peers.js';
import type { Pinned } from './support/pinner.js';
import { needs, programPath } from './support/requirements.js';

const asRoot = { skip: needs('linux', 'root', 'namespaces', 'python3', 'setpriv') };
const child = [programPath('unshare'), '--pid', '--fork', '--kill-child'];

test(
  'T69: through the procfs of its parent, a server in a pid namespace reads its peer and nobody else',
  asRoot,
  async t => {
    const client = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
sys.stdin.read()`;
    const { line } = await programElsewhere(t, child, 'pinner', [client]);
    const said = JSON.parse(await line()) as Pinned;
    assert.ok(said.pid !== undefined && said.pid < 100, 'a number of the small namespace');
    if (said.code === 'ERR_PEER_PROCESS') return;
    assert.equal(said.code, undefined);
    assert.equal(said.name, 'python3');
    const numbers = (said.numbers ?? '').split('\t').map(Number);
    assert.equal(numbers.length, 2, 'one of the parent, one of the small namespace');
    assert.equal(numbers[1], said.pid);
    assert.notEqual(numbers[0], said.pid);
  },
);

test('T69: its own procfs does not show a peer from outside, and no number is guessed', asRoot, async t => {
  const { path, line } = await programElsewhere(t, [...child, '--mount-proc'], 'pinner', []);
  python(t, connectScript(), { uid: 1234, gid: 1234, groups: [], args: [path] });
  const said = JSON.parse(await line()) as Pinned;
  assert.equal(said.pid, undefined);
  assert.equal(said.code, 'ERR_PEER_PROCESS');
  assert.equal(said.name, undefined);
  assert.ok(said.uid === 'hidden' || said.uid === 'unsupported', `${said.uid}`);
  if (said.alive !== undefined) assert.equal(said.alive, true);
});

test('T26: without any procfs nothing is read of it', {
  // Bun and Deno do not start without one.
  skip: asRoot.skip || needs('node'),
}, async t => {
  const before = [programPath('unshare'), '--mount', '/bin/sh', '-c', 'umount -l /proc && exec "$0" "$@"'];
  const { path, line } = await programElsewhere(t, before, 'pinner', []);
  python(t, connectScript(), { uid: 1234, gid: 1234, groups: [], args: [path] });
  const said = JSON.parse(await line()) as Pinned;
  assert.equal(said.code, 'ERR_PEER_PROCESS');
  assert.equal(said.id, undefined);
});
