/** isUser(), inGroup(), sameUser(), required(): true only on what is known. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inGroup, isUser, PeerError, PeerTypeError, recordedPeer, required, sameUser } from 'sockcred';
import { knownPeer, unknownPeer } from './support/records.js';

test('isUser() and inGroup() are true on known facts only', () => {
  const peer = recordedPeer(knownPeer);
  assert.ok(isUser(peer, 1000) && !isUser(peer, 0));
  assert.ok(inGroup(peer, 100) && inGroup(peer, 27) && !inGroup(peer, 0));
  const unknown = recordedPeer(unknownPeer);
  assert.ok(!isUser(unknown, 0) && !inGroup(unknown, 0));
});

test('T14: unknown is never equal, not even to itself', () => {
  const unknown = recordedPeer(unknownPeer);
  assert.ok(!sameUser(unknown, unknown));
  assert.ok(sameUser(recordedPeer(knownPeer), recordedPeer(knownPeer)));
});

test('ids that can be nobody are refused instead of compared', () => {
  const peer = recordedPeer(unknownPeer);
  for (const id of [undefined, null, -1, 4294967295, 1.5, Number.NaN, '0', 2 ** 40]) {
    for (const question of [isUser, inGroup]) {
      assert.throws(
        () => question(peer, id as number),
        (error: unknown) => error instanceof PeerTypeError && error.code === 'ERR_ARGUMENT',
      );
    }
  }
});

test('required() gives the field or the reason', () => {
  const peer = recordedPeer(knownPeer);
  assert.equal(required(peer, 'uid'), 1000);
  assert.deepEqual(required(peer, 'groups'), [27, 100]);
  assert.throws(
    () => required(recordedPeer(unknownPeer), 'uid'),
    (error: unknown) => {
      return (
        error instanceof PeerError &&
        error.code === 'ERR_PEER_UNKNOWN_FIELD' &&
        /uid.*hidden: why not/.test(error.message)
      );
    },
  );
  assert.throws(() => required(peer, 'name' as 'uid'), PeerTypeError);
  assert.throws(() => required(peer, 'evidence' as 'uid'), PeerTypeError);
});
