/** SO_PEERSEC under AppArmor, which labels Unix sockets from Linux 6.17 on: no final NUL, the mode in parentheses. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peerCredentials, peerToJson } from 'sockcred';
import { acceptFrom } from '../support/peers.js';
import { needs } from '../support/requirements.js';
import { loadProfile } from './support/apparmor.js';
import {
  asking,
  assertLabel,
  connectedToListener,
  labelOfProcess,
  socketBeforeExec,
} from './support/labelled.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };

function under(request: string | Buffer): readonly string[] {
  return asking('exec', Buffer.concat([Buffer.from('exec '), Buffer.from(request)]));
}

test('T48, T50: an unconfined peer is told as "unconfined", without a NUL', asRoot, async t => {
  const { socket } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [] });
  assertLabel(peerCredentials(socket), Buffer.from('unconfined'), 'unconfined');
});

for (const [mode, flags] of [
  ['enforce', 'attach_disconnected'],
  ['complain', 'attach_disconnected, complain'],
] as const) {
  test(`T48, T50: a profile in ${mode} mode is told with its mode, without a NUL`, asRoot, async t => {
    const name = `sockcred_${mode}`;
    loadProfile(name, flags);
    const { socket, peer } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [27], before: under(name) });
    const text = `${name} (${mode})`;
    assert.equal(labelOfProcess(peer.child.pid).toString(), `${text}\n`, 'the process is confined');
    const found = peerCredentials(socket);
    assertLabel(found, Buffer.from(text), text);
    assert.deepEqual([found.uid, found.gid, found.groups], [1234, 4321, [27, 4321]]);
  });
}

test('T50: stacked profiles are told as they are', asRoot, async t => {
  loadProfile('sockcred_a');
  loadProfile('sockcred_b');
  const before = [...under('sockcred_a'), ...asking('exec', Buffer.from('stack sockcred_b'))];
  const { socket, peer } = await acceptFrom(t, { before });
  const text = 'sockcred_a//&sockcred_b (enforce)';
  assert.equal(labelOfProcess(peer.child.pid).toString(), `${text}\n`);
  assertLabel(peerCredentials(socket), Buffer.from(text), text);
});

test('T48: a label of more than 1 KiB is read in full', asRoot, async t => {
  // A profile's name is at most 255 bytes long, a stack of profiles is longer.
  const names = ['a', 'b', 'c', 'd', 'e', 'f'].map(letter => `sockcred_${letter.repeat(220)}`);
  for (const name of names) loadProfile(name);
  const [first = '', ...rest] = names;
  const before = [...under(first), ...asking('exec', Buffer.from(`stack ${rest.join('//&')}`))];
  const { socket } = await acceptFrom(t, { before });
  const text = `${names.join('//&')} (enforce)`;
  assert.ok(text.length > 1024);
  assertLabel(peerCredentials(socket), Buffer.from(text), text);
});

test('T48: bytes that are no UTF-8 are kept as they are, and have no text', asRoot, async t => {
  const name = Buffer.from('sockcred_\xe9\xff', 'latin1');
  loadProfile(name);
  const { socket } = await acceptFrom(t, { before: under(name) });
  const found = peerCredentials(socket);
  const bytes = Buffer.concat([name, Buffer.from(' (enforce)')]);
  assertLabel(found, bytes, undefined);
  assert.deepEqual(peerToJson(found).label, { base64: bytes.toString('base64') });
});

test(
  'T70: the label is that of socket(), from before exec; the ids are those of connect()',
  asRoot,
  async t => {
    loadProfile('sockcred_later');
    const request = Buffer.from('exec sockcred_later');
    const { socket, peer, current } = await socketBeforeExec(t, 'exec', request, { uid: 1234, gid: 4321 });
    assert.equal(
      current.toString(),
      'sockcred_later (enforce)\n',
      'the process is confined when it connects',
    );
    const found = peerCredentials(socket);
    assertLabel(found, Buffer.from('unconfined'), 'unconfined');
    assert.deepEqual([found.uid, found.gid, found.pid], [1234, 4321, peer.child.pid]);
    assert.equal(found.evidence.uid.known && found.evidence.uid.captured, 'connect');
  },
);

test("a client is told the label of the listener's socket", asRoot, async t => {
  loadProfile('sockcred_listener');
  const { label, evidence } = peerCredentials(await connectedToListener(t, under('sockcred_listener')));
  assert.equal(label?.text, 'sockcred_listener (enforce)');
  assert.deepEqual(evidence.label, {
    known: true,
    about: 'listener',
    source: 'SO_PEERSEC',
    captured: 'socket',
  });
});
