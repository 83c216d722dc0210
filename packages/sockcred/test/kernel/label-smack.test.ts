/** SO_PEERSEC under Smack: a final NUL that counts, at most 255 characters, and no exec needed for another label. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { peerCredentials, peerToJson } from 'sockcred';
import { acceptFrom } from '../support/peers.js';
import { needs } from '../support/requirements.js';
import {
  acceptTwice,
  asking,
  assertLabel,
  connectedToListener,
  labelOfProcess,
  messageFrom,
} from './support/labelled.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };

const RULES = '/sys/fs/smackfs/load2';

/** Lets a label talk to this process, which has the floor label, without root's right to ignore Smack. */
function allow(label: string): void {
  if (!existsSync(RULES)) {
    assert.equal(spawnSync('/bin/mount', ['-t', 'smackfs', 'smackfs', '/sys/fs/smackfs']).status, 0);
  }
  writeFileSync(RULES, `${label} _ rwxat`, { flag: 'r+' });
  writeFileSync(RULES, `_ ${label} rwxat`, { flag: 'r+' });
}

function withNul(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** Smack has no label for the next program: the shell takes it on itself. */
function under(label: string): readonly string[] {
  return asking('current', Buffer.from(label));
}

test('T48: the floor label is told with its final NUL', asRoot, async t => {
  const { socket } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [] });
  assertLabel(peerCredentials(socket), withNul('_'), '_');
});

test('T48: a label of its own is told with its final NUL', asRoot, async t => {
  allow('Foo::Bar');
  const { socket, peer } = await acceptFrom(t, { uid: 1234, gid: 4321, before: under('Foo::Bar') });
  assert.equal(labelOfProcess(peer.child.pid).toString(), 'Foo::Bar');
  const found = peerCredentials(socket);
  assertLabel(found, withNul('Foo::Bar'), 'Foo::Bar');
  assert.deepEqual([found.uid, found.gid], [1234, 4321]);
  assert.deepEqual(peerToJson(found).label, { text: 'Foo::Bar' });
});

test('T48: the longest label is read in full', asRoot, async t => {
  const label = 'L'.repeat(255);
  const { socket } = await acceptFrom(t, { before: under(label) });
  assertLabel(peerCredentials(socket), withNul(label), label);
});

test('T70: the label is that of socket(), the ids are those of connect()', asRoot, async t => {
  const script = `
s2 = socket.socket(socket.AF_UNIX)
with open('/proc/self/attr/current', 'wb', buffering=0) as file:
    file.write(b'Later')
os.setresgid(4321, 4321, 4321)
os.setresuid(1234, 1234, 1234)
s2.connect(sys.argv[1])`;
  allow('Earlier');
  allow('Later');
  const { next, peer } = await acceptTwice(t, script, under('Earlier'));
  const found = peerCredentials(await next());
  assert.equal(labelOfProcess(peer.child.pid).toString(), 'Later', 'the process has the new label by then');
  assertLabel(found, withNul('Earlier'), 'Earlier');
  assert.deepEqual([found.uid, found.gid, found.pid], [1234, 4321, peer.child.pid]);
});

test("a client is told the label of the listener's socket", asRoot, async t => {
  const { label, evidence } = peerCredentials(await connectedToListener(t, under('Listener')));
  assert.deepEqual(label?.bytes, [...withNul('Listener')]);
  assert.ok(
    evidence.label.known && evidence.label.about === 'listener' && evidence.label.captured === 'socket',
  );
});

test("a message comes with the label of its sender's socket, without a NUL", asRoot, async t => {
  allow('Sender');
  const { label, sender, data } = await messageFrom(t, under('Sender'));
  assert.deepEqual([String(data), label?.text, sender.uid], ['x', 'Sender', 0]);
  assert.deepEqual(label?.bytes, [...Buffer.from('Sender')]);
});
