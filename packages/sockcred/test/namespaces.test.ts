/** Peers and askers in other namespaces, without /proc: unknown where it cannot be known. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { peerCredentials } from 'sockcred';
import { mapsEveryId } from '../dist/sys/id-view.js';
import { askerElsewhere } from './support/elsewhere.js';
import { acceptFrom, connectScript, python } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';

const inNode = { skip: needs('linux', 'root', 'namespaces', 'python3', 'setpriv', 'node') };
const asRoot = { skip: needs('linux', 'root', 'namespaces', 'python3', 'setpriv') };
const unshare = programPath('unshare');

test('T11, V9: a peer outside our pid namespace has no pid here, and keeps its uid', asRoot, async t => {
  const asker = await askerElsewhere(t, [unshare, '--pid', '--fork', '--kill-child'], { uid: 1234 });
  python(t, connectScript(), { uid: 1234, gid: 4321, groups: [27], args: [asker.path] });
  const { peer, isUser } = await asker.next();
  assert.equal(peer.uid, 1234);
  assert.equal(peer.gid, 4321);
  assert.deepEqual(peer.groups, [27, 4321]);
  assert.ok(!('pid' in peer));
  assert.ok(!peer.evidence.pid.known && peer.evidence.pid.reason === 'hidden');
  assert.equal(isUser, true);
});

test('V9: a client in a child pid namespace is seen under its pid of ours', asRoot, async t => {
  const before = [unshare, '--pid', '--fork', '--kill-child'];
  const { socket, peer } = await acceptFrom(t, { uid: 1234, gid: 4321, before, script: 'say(os.getpid())' });
  const inside = await peer.line();
  const { pid } = peerCredentials(socket);
  assert.equal(inside, '1');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  assert.match(status, new RegExp(`^NSpid:\\t${pid}\\t1$`, 'm'));
});

test(
  'T12: in a user namespace without a map every stranger is unknown, and nobody is 65534',
  asRoot,
  async t => {
    const asker = await askerElsewhere(t, [unshare, '--user'], { uid: 65534, gid: 65534 });
    for (const [uid, groups] of [
      [2002, [27, 100, 500]],
      [3003, []],
      [65534, []],
    ] as const) {
      python(t, connectScript(), { uid, gid: uid, groups, args: [asker.path] });
      const told = await asker.next();
      assert.ok(!('uid' in told.peer) && !('gid' in told.peer) && !('groups' in told.peer));
      for (const field of ['uid', 'gid'] as const) {
        const fact = told.peer.evidence[field];
        assert.ok(!fact.known && fact.reason === 'hidden');
      }
      assert.equal(told.peer.evidence.groups.known, false);
      assert.ok('pid' in told.peer, 'the pid is no id of a user namespace');
      assert.deepEqual([told.isUser, told.inGroup, told.sameAsItself], [false, false, false]);
    }
  },
);

test('T12: with a map of one id that id is a fact, and the others are unknown', asRoot, async t => {
  const asker = await askerElsewhere(t, [unshare, '--user', '--map-root-user'], { uid: 0, gid: 0 });
  python(t, connectScript(), { uid: 0, gid: 0, groups: [], args: [asker.path] });
  const root = await asker.next();
  assert.equal(root.peer.uid, 0);
  assert.deepEqual(root.peer.groups, [0]);
  assert.ok(root.isUser && root.inGroup && root.sameAsItself);
  python(t, connectScript(), { uid: 2002, gid: 2002, groups: [], args: [asker.path] });
  const stranger = await asker.next();
  assert.ok(!('uid' in stranger.peer) && !stranger.isUser && !stranger.sameAsItself);
});

test('T12: with the full map 65534 is somebody', asRoot, async t => {
  const { socket } = await acceptFrom(t, { uid: 65534, gid: 65534, groups: [] });
  const found = peerCredentials(socket);
  assert.equal(found.uid, 65534);
  assert.deepEqual(found.groups, [65534]);
});

test('T23: one group that cannot be told here makes all groups absent', asRoot, async t => {
  const asker = await askerElsewhere(t, [unshare, '--user', '--map-root-user'], { uid: 0, gid: 27 });
  python(t, connectScript(), { uid: 0, gid: 0, groups: [0, 27], args: [asker.path] });
  const { peer, inGroup } = await asker.next();
  assert.equal(peer.uid, 0);
  assert.equal(peer.gid, 0);
  assert.ok(!('groups' in peer));
  assert.ok(!peer.evidence.groups.known && peer.evidence.groups.reason === 'hidden');
  assert.equal(inGroup, false);
});

test('T12: only the full identity map means that every id can be told', () => {
  assert.ok(mapsEveryId('         0          0 4294967295\n'));
  for (const partial of [
    '',
    '0 0 1\n',
    '0 1000 1\n',
    '0 100000 4294967295\n',
    '0 0 4294967294\n',
    '0 0 65536\n65536 65536 4294901759\n',
    '1 1 4294967294\n',
    '0 0 4294967295\n0 0 4294967295\n',
  ]) {
    assert.ok(!mapsEveryId(partial), partial);
  }
});

// Bun and Deno do not start without /proc.
test('T12: without /proc ids are facts, except the one that may mean anybody', inNode, async t => {
  const before = [unshare, '--mount', '/bin/sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];
  const asker = await askerElsewhere(t, before, { uid: 1234 });
  python(t, connectScript(), { uid: 1234, gid: 4321, groups: [27], args: [asker.path] });
  const known = await asker.next();
  assert.equal(known.peer.uid, 1234);
  assert.deepEqual(known.peer.groups, [27, 4321]);
  assert.ok(known.isUser);
  python(t, connectScript(), { uid: 65534, gid: 65534, groups: [], args: [asker.path] });
  const nobody = await asker.next();
  assert.ok(!('uid' in nobody.peer) && !('gid' in nobody.peer) && !('groups' in nobody.peer));
});

test('V10: a server whose user has no map here is unknown to its client', asRoot, async t => {
  const asker = await askerElsewhere(t, [unshare, '--user'], {});
  const socket = connect(asker.path);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  const found = peerCredentials(socket);
  assert.equal(found.uid, 0, 'seen from outside, the listener is who it is');
  const script = `
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
say(*struct.unpack('iII', s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:])
hear()`;
  const inside = python(t, script, { before: [unshare, '--user'], args: [asker.path] });
  assert.equal(await inside.line(), '65534 65534', 'seen from inside, it is the overflow id');
});

test('labels and pidfds of an older or barer kernel are missing field by field', asRoot, async t => {
  const { socket } = await acceptFrom(t, { uid: 1234, gid: 4321 });
  const { uid, label, evidence } = peerCredentials(socket);
  assert.equal(uid, 1234);
  if (label === undefined) {
    assert.ok(!evidence.label.known && ['unsupported', 'not-provided'].includes(evidence.label.reason));
  } else {
    assert.ok(label.bytes.length > 0);
    assert.deepEqual(evidence.label, {
      known: true,
      about: 'connector',
      source: 'SO_PEERSEC',
      captured: 'socket',
    });
  }
});
