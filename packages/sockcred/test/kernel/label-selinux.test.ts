/** SO_PEERSEC under SELinux: a final NUL that counts, and a label that the peer may have chosen for its socket. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peerCredentials, peerToJson } from 'sockcred';
import { peerApplication } from 'sockcred/application';
import { askerElsewhere } from '../support/elsewhere.js';
import { acceptFrom, connectScript, python } from '../support/peers.js';
import { needs, programPath } from '../support/requirements.js';
import {
  acceptTwice,
  asking,
  assertLabel,
  connectedToListener,
  labelOfProcess,
  messageFrom,
  socketBeforeExec,
} from './support/labelled.js';
import { contextOf, loadPolicy } from './support/selinux.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv', 'setarch') };
const LONG = `peer_${'long'.repeat(400)}_t`;
const PEER = contextOf('peer_t');

function withNul(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

function under(context: string): readonly string[] {
  return asking('exec', Buffer.from(context));
}

test('T48: before a policy is loaded every label is "kernel" and a NUL', asRoot, async t => {
  const { socket } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [] });
  assertLabel(peerCredentials(socket), withNul('kernel'), 'kernel');
});

test('a policy is loaded', asRoot, () => {
  loadPolicy(['peer_t', 'other_t', LONG]);
});

test('T48: the context of the peer is told with its final NUL', asRoot, async t => {
  const { socket, peer } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [27], before: under(PEER) });
  assert.deepEqual(labelOfProcess(peer.child.pid), withNul(PEER));
  const found = peerCredentials(socket);
  assertLabel(found, withNul(PEER), PEER);
  assert.deepEqual([found.uid, found.gid, found.groups], [1234, 4321, [27, 4321]]);
  assert.deepEqual(peerToJson(found).label, { text: PEER });
});

test('T48: a label of more than 1 KiB is read in full', asRoot, async t => {
  const context = contextOf(LONG);
  const { socket } = await acceptFrom(t, { before: under(context) });
  assertLabel(peerCredentials(socket), withNul(context), context);
});

test(
  'T70: the label is that of socket(), from before exec; the ids are those of connect()',
  asRoot,
  async t => {
    const request = Buffer.from(PEER);
    const { socket, peer, current } = await socketBeforeExec(t, 'exec', request, { uid: 1234, gid: 4321 });
    assert.deepEqual(current, withNul(PEER), 'the process is in the new domain when it connects');
    const found = peerCredentials(socket);
    assertLabel(found, withNul(contextOf('base_t')), contextOf('base_t'));
    assert.deepEqual([found.uid, found.gid, found.pid], [1234, 4321, peer.child.pid]);
    assert.equal(found.evidence.uid.known && found.evidence.uid.captured, 'connect');
  },
);

test('T70: with attr/sockcreate the peer chooses the label of its socket', asRoot, async t => {
  const chosen = contextOf('other_t');
  const script = `
with open('/proc/self/attr/sockcreate', 'wb', buffering=0) as file:
    file.write(b'${chosen}')
s2 = socket.socket(socket.AF_UNIX)
s2.connect(sys.argv[1])`;
  const { socket, next, peer } = await acceptTwice(t, script, under(PEER));
  assertLabel(peerCredentials(socket), withNul(PEER), PEER);
  const found = peerCredentials(await next());
  assertLabel(found, withNul(chosen), chosen);
  assert.equal(found.pid, peer.child.pid);
  assert.deepEqual(labelOfProcess(peer.child.pid), withNul(PEER), 'the process never had that label');
});

test("a client is told the label of the listener's socket", asRoot, async t => {
  const { label, evidence } = peerCredentials(await connectedToListener(t, under(PEER)));
  assert.equal(label?.text, PEER);
  assert.deepEqual(evidence.label, {
    known: true,
    about: 'listener',
    source: 'SO_PEERSEC',
    captured: 'socket',
  });
});

test(
  'T51: a kernel that is too old by its release is not believed what it says of a label',
  asRoot,
  async t => {
    const asker = await askerElsewhere(t, [programPath('setarch'), '--uname-2.6']);
    python(t, connectScript(), { before: under(PEER), args: [asker.path] });
    const { label } = (await asker.next()).peer.evidence;
    assert.ok(!label.known && label.reason === 'ambiguous');
  },
);

test("a message comes with the context of its sender's socket, and a NUL", asRoot, async t => {
  const { label, sender, data } = await messageFrom(t, under(PEER));
  assert.deepEqual([String(data), label?.text, sender.uid], ['x', PEER, 0]);
  assert.deepEqual(label?.bytes, [...withNul(PEER)]);
});

test(
  'a context that is longer than what is read of it is none, and its message is whole',
  asRoot,
  async t => {
    const { label, sender, data } = await messageFrom(t, under(contextOf(LONG)));
    assert.deepEqual([String(data), label, sender.uid], ['x', undefined, 0]);
  },
);

test('what a label says is taken apart with the application, also where it is long', asRoot, async t => {
  for (const type of ['peer_t', LONG]) {
    const { socket } = await acceptFrom(t, { before: under(contextOf(type)) });
    const { label, claims } = peerApplication(socket);
    assert.deepEqual(label?.context, { module: 'selinux', user: 'user_u', role: 'base_r', type });
    assert.ok(claims.every(({ engine }) => engine !== 'snap'));
  }
});
