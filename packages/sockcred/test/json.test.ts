/** The JSON form, its published schema, and the way back. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type PeerJson, PeerTypeError, peerCredentials, peerToJson, recordedPeer } from 'sockcred';
import { acceptFrom } from './support/peers.js';
import { knownPeer, unknownPeer } from './support/records.js';
import { needs } from './support/requirements.js';

const schemaPath = createRequire(import.meta.url).resolve('sockcred/schema/peer-credentials.v1.json');
const matchesSchema = new Ajv2020({ allErrors: true }).compile(JSON.parse(readFileSync(schemaPath, 'utf8')));

function changed(change: object): unknown {
  return JSON.parse(JSON.stringify({ ...knownPeer, ...change }));
}

test('a live answer fits the schema and comes back the same', {
  skip: needs('linux', 'python3'),
}, async t => {
  const { socket } = await acceptFrom(t);
  const peer = peerCredentials(socket);
  const json = JSON.parse(JSON.stringify(peerToJson(peer)));
  assert.ok(matchesSchema(json), JSON.stringify(matchesSchema.errors));
  assert.deepEqual(recordedPeer(json), peer);
  assert.deepEqual(recordedPeer(JSON.stringify(json)), peer);
});

test('unknown fields are left out, and come back unknown', () => {
  assert.ok(matchesSchema(unknownPeer));
  const peer = recordedPeer(unknownPeer);
  assert.deepEqual(Object.keys(peer), ['evidence']);
  assert.deepEqual(peerToJson(peer), unknownPeer);
  assert.ok(Object.isFrozen(peer) && Object.isFrozen(peer.evidence) && Object.isFrozen(peer.evidence.uid));
});

test('labels are text where they are text, base64 otherwise', () => {
  const labels: readonly [PeerJson['label'], readonly number[]][] = [
    [{ text: 'é\n' }, [0xc3, 0xa9, 10]],
    [{ base64: '//4=' }, [0xff, 0xfe]],
    [{ base64: 'YQBi' }, [97, 0, 98]],
  ];
  for (const [label, bytes] of labels) {
    const json = changed({ label });
    assert.ok(matchesSchema(json));
    const peer = recordedPeer(json);
    assert.deepEqual(peer.label?.bytes, bytes);
    assert.deepEqual(peerToJson(peer).label, label);
  }
});

const unknown = { known: false, reason: 'hidden', detail: '' };
const wrong: readonly [string, unknown][] = [
  ['no object', 3],
  ['a list', []],
  ['null', null],
  ['another version', changed({ schemaVersion: 2 })],
  ['no version', changed({ schemaVersion: undefined })],
  ['a property too many', changed({ user: 'root' })],
  ['uid -1', changed({ uid: -1 })],
  ['uid 4294967295', changed({ uid: 4294967295 })],
  ['a uid in words', changed({ uid: '0' })],
  ['half a uid', changed({ uid: 0.5 })],
  ['pid 0', changed({ pid: 0 })],
  ['groups in disorder', changed({ groups: [100, 27] })],
  ['groups twice', changed({ groups: [27, 27, 100] })],
  ['groups without the primary', changed({ groups: [27] })],
  ['no groups at all', changed({ groups: [] })],
  ['a label that is empty', changed({ label: { text: '' } })],
  ['a label of both kinds', changed({ label: { text: 'a', base64: 'YQ==' } })],
  ['a label of another kind', changed({ label: 'unconfined' })],
  ['an unknown role', changed({ role: 'root' })],
  ['a uid against its evidence', changed({ evidence: { ...knownPeer.evidence, uid: unknown } })],
  ['a missing uid against its evidence', changed({ uid: undefined })],
  ['evidence of nothing', changed({ evidence: {} })],
  ['an unknown source', changed({ evidence: { ...knownPeer.evidence, uid: { known: true, source: 'ps' } } })],
  [
    'a reason too many',
    changed({ evidence: { ...knownPeer.evidence, uid: { ...knownPeer.evidence.uid, reason: 'gone' } } }),
  ],
  [
    'an unknown reason',
    changed({ evidence: { ...unknownPeer.evidence, uid: { ...unknown, reason: 'tired' } } }),
  ],
];

for (const [name, json] of wrong) {
  test(`what is no peer does not come back as one: ${name}`, () => {
    assert.throws(
      () => recordedPeer(json),
      (error: unknown) => error instanceof PeerTypeError && error.code === 'ERR_RECORD',
    );
  });
}

test('the schema and recordedPeer() refuse the same records', () => {
  // What a schema cannot say: the order of groups, and that the primary is among them.
  const beyondSchema = ['groups in disorder', 'groups without the primary'];
  for (const [name, json] of wrong) {
    if (!beyondSchema.includes(name)) assert.ok(!matchesSchema(json), name);
  }
});

test('text that is no JSON is refused without being repeated', () => {
  assert.throws(
    () => recordedPeer('{"uid":\u001b[31m'),
    (error: unknown) => error instanceof PeerTypeError && !error.message.includes('\u001b'),
  );
});
