/** From the kernel's answers to a value: every "none" that looks like an id. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inGroup, isUser, type PeerCredentials, sameUser } from 'sockcred';
import { decodePeer, withRole } from '../dist/credentials/decode.js';
import { type Role, roleOf } from '../dist/credentials/role.js';
import { systemFacts } from '../dist/credentials/systems.js';
import { ANSWERED, type Outcome, outcomeOf } from '../dist/sys/outcome.js';
import type { PeerAnswers } from '../dist/sys/peer-answers.js';

const NO_ID = 4294967295;
const OUR_PID = 4242;
const FULL_VIEW = { overflowUid: undefined, overflowGid: undefined };
const PARTIAL_VIEW = { overflowUid: 65534, overflowGid: 65534 };
const CONNECTOR = roleOf({ localNamed: true, remoteNamed: false, pidIsOurs: false }, undefined);

/** The end of a socketpair whose other end was bound. */
const NAMED_BY_ITS_PEER = { localNamed: false, remoteNamed: true };

type Fixture = Partial<Omit<PeerAnswers, 'groupList' | 'labelBytes'>> & {
  readonly supplementary?: readonly number[];
  readonly labelBytes?: readonly number[];
};

function decoded(
  fixture: Fixture,
  view: typeof FULL_VIEW | typeof PARTIAL_VIEW = FULL_VIEW,
  told: Role = CONNECTOR,
  pairsLabelled = true,
): PeerCredentials {
  const { supplementary = [], labelBytes = [], ...rest } = fixture;
  const answers: PeerAnswers = {
    system: 'linux',
    localNamed: true,
    remoteNamed: false,
    credentials: ANSWERED,
    uid: 1000,
    gid: 100,
    pid: 42,
    groups: ANSWERED,
    // As in the scratch buffer: what lies behind the count belongs to nobody.
    groupList: Uint32Array.of(...supplementary, 0, 0, 0),
    groupCount: supplementary.length,
    label: outcomeOf(92),
    labelBytes: Uint8Array.of(...labelBytes, 0xff, 0xff),
    labelLength: labelBytes.length,
    more: outcomeOf(0x10002),
    otherIds: { realUid: 0, savedUid: 0, realGid: 0, savedGid: 0 },
    zone: 0,
    ...rest,
  };
  const pidIsOurs = answers.pid === OUR_PID;
  const around = { system: systemFacts(answers.system), view, pidIsOurs, pairsLabelled };
  return decodePeer(answers, around, told);
}

function reason(
  peer: PeerCredentials,
  field: 'uid' | 'gid' | 'pid' | 'groups' | 'label',
): string | undefined {
  const fact = peer.evidence[field];
  assert.equal(field in peer, fact.known, `${field} is there exactly when it is known`);
  return fact.known ? undefined : fact.reason;
}

test('T10: 4294967295 is nobody, 4294967294 is somebody, 0 is root', () => {
  assert.equal(decoded({ uid: 4294967294 }).uid, 4294967294);
  assert.equal(decoded({ uid: 0 }).uid, 0);
  const none = decoded({ uid: NO_ID, gid: NO_ID, pid: 0 });
  assert.deepEqual(
    [reason(none, 'uid'), reason(none, 'gid'), reason(none, 'pid'), reason(none, 'groups')],
    ['not-provided', 'not-provided', 'not-provided', 'not-provided'],
  );
});

test('T11: pid 0 is an unknown pid, and no reason to lose the ids', () => {
  const peer = decoded({ pid: 0 });
  assert.equal(peer.uid, 1000);
  assert.equal(peer.gid, 100);
  assert.equal(reason(peer, 'pid'), 'hidden');
  assert.equal(reason(decoded({ pid: 0, uid: 0, gid: 0 }), 'pid'), 'hidden');
  assert.equal(reason(decoded({ pid: 0xffffffff }), 'pid'), 'hidden', 'a negative pid is none either');
});

test('T12: the overflow id is a fact only where nothing is hidden, whatever number it is', () => {
  assert.equal(decoded({ uid: 65534, gid: 65534 }).uid, 65534);
  const hidden = decoded({ uid: 65534, gid: 65534 }, PARTIAL_VIEW);
  assert.deepEqual([reason(hidden, 'uid'), reason(hidden, 'gid')], ['hidden', 'hidden']);
  assert.equal(hidden.pid, 42);
  const tuned = { overflowUid: 1000, overflowGid: 100 } as unknown as typeof PARTIAL_VIEW;
  assert.equal(reason(decoded({}, tuned), 'uid'), 'hidden');
  assert.equal(decoded({ uid: 65534 }, tuned).uid, 65534);
});

test('T13: an answer that failed never becomes 0, root or ourselves', () => {
  const failures: readonly [number, string][] = [
    [1, 'refused'],
    [13, 'refused'],
    [92, 'unsupported'],
    [61, 'not-provided'],
    [0x10001, 'refused'],
    [0x10002, 'unsupported'],
  ];
  for (const [status, why] of failures) {
    const peer = decoded({ credentials: outcomeOf(status), uid: 0, gid: 0, pid: 0 });
    for (const field of ['uid', 'gid', 'pid'] as const) assert.equal(reason(peer, field), why);
    assert.equal(peer.groups, undefined);
    assert.ok(!isUser(peer, 0) && !inGroup(peer, 0) && !sameUser(peer, peer));
  }
});

test('T14: two peers of unknown users are never the same user', () => {
  const unknown = decoded({ uid: NO_ID });
  assert.ok(!sameUser(unknown, unknown));
  assert.ok(!sameUser(unknown, decoded({})));
  assert.ok(!sameUser(decoded({}), unknown));
  assert.ok(sameUser(decoded({}), decoded({ pid: 7 })));
});

test('T20: without SO_PEERGROUPS the primary is known and the list is not', () => {
  const peer = decoded({ groups: outcomeOf(92), supplementary: [] });
  assert.equal(peer.gid, 100);
  assert.equal(reason(peer, 'groups'), 'unsupported');
  assert.ok(inGroup(peer, 100) && !inGroup(peer, 0));
});

test('T21: a list that reached the cap of its system is absent, and unused room is no group', () => {
  const capped: Outcome = outcomeOf(0x10003);
  const peer = decoded({ groups: capped, supplementary: Array.from({ length: 16 }, (_, index) => index) });
  assert.equal(reason(peer, 'groups'), 'maybe-incomplete');
  assert.deepEqual(decoded({ supplementary: [5] }).groups, [5, 100], 'no phantom group 0 behind the count');
  assert.deepEqual(decoded({ supplementary: [] }).groups, [100]);
});

test('T16, T17, T18: primary and supplementary groups become one ascending list without duplicates', () => {
  assert.deepEqual(decoded({ supplementary: [1, 2, 300] }).groups, [1, 2, 100, 300]);
  assert.deepEqual(decoded({ supplementary: [100] }).groups, [100]);
  assert.deepEqual(decoded({ supplementary: [100, 100, 100, 200, 200] }).groups, [100, 200]);
  assert.deepEqual(decoded({ supplementary: [0, 0] }).groups, [0, 100]);
  assert.deepEqual(
    decoded({ supplementary: [300, 2, 100, 2] }).groups,
    [2, 100, 300],
    'as a turned id map gives them',
  );
  assert.deepEqual(decoded({ gid: 4294967294, supplementary: [7] }).groups, [7, 4294967294]);
});

test('T23: one group that cannot be told makes the list absent, not shorter', () => {
  const hidden = decoded({ supplementary: [5, 65534] }, PARTIAL_VIEW);
  assert.equal(reason(hidden, 'groups'), 'hidden');
  assert.equal(hidden.gid, 100);
  assert.equal(reason(decoded({ supplementary: [5, NO_ID] }), 'groups'), 'hidden');
  assert.equal(reason(decoded({ gid: 65534, supplementary: [5] }, PARTIAL_VIEW), 'groups'), 'not-provided');
  assert.deepEqual(decoded({ supplementary: [65534] }).groups, [100, 65534]);
});

test('a label is its bytes, and text where it is text', () => {
  const bytes = (text: string) => [...new TextEncoder().encode(text)];
  const label = (given: readonly number[]) => decoded({ label: ANSWERED, labelBytes: given }).label;
  assert.deepEqual(label(bytes('unconfined')), { bytes: bytes('unconfined'), text: 'unconfined' });
  assert.deepEqual(label(bytes('a_u:b_r:c_t\0')), { bytes: bytes('a_u:b_r:c_t\0'), text: 'a_u:b_r:c_t' });
  assert.deepEqual(label(bytes('a\0b\0')), { bytes: bytes('a\0b\0') });
  assert.deepEqual(label([0xff, 0xfe]), { bytes: [0xff, 0xfe] });
  assert.equal(reason(decoded({ label: ANSWERED, labelBytes: [] }), 'label'), 'not-provided');
  assert.equal(reason(decoded({}), 'label'), 'unsupported');
});

test('withRole() changes whom the facts are about and when they were captured', () => {
  const peer = decoded({ label: ANSWERED, labelBytes: [97], pid: 0 });
  const again = withRole(
    peer,
    systemFacts('linux'),
    roleOf({ localNamed: false, remoteNamed: true, pidIsOurs: false }, undefined),
  );
  assert.equal(again.role, 'listener');
  assert.deepEqual(again.evidence.uid, {
    known: true,
    about: 'listener',
    source: 'SO_PEERCRED',
    captured: 'listen',
  });
  assert.deepEqual(again.evidence.label, {
    known: true,
    about: 'listener',
    source: 'SO_PEERSEC',
    captured: 'socket',
  });
  assert.equal(again.evidence.pid, peer.evidence.pid);
  assert.ok(Object.isFrozen(again));
});

test('roles follow from names, and stay open where a peer could shape them', () => {
  const role = (localNamed: boolean, remoteNamed: boolean, pidIsOurs = false) =>
    roleOf({ localNamed, remoteNamed, pidIsOurs }, undefined).role;
  assert.equal(role(true, false), 'connector');
  assert.equal(role(false, true), 'listener');
  assert.equal(role(false, false), 'creator');
  assert.equal(role(true, true), undefined);
  assert.equal(role(false, true, true), undefined);
});

test('T51: before Linux 4.17 no label is told, since that of a socketpair is not its maker’s', () => {
  const unlabeled = { label: ANSWERED, labelBytes: [...Buffer.from('system_u:object_r:unlabeled_t:s0\0')] };
  const pair = roleOf({ localNamed: false, remoteNamed: false, pidIsOurs: false }, undefined);
  const looksLikeAnother = [CONNECTOR, pair, roleOf({ ...NAMED_BY_ITS_PEER, pidIsOurs: false }, undefined)];
  for (const told of looksLikeAnother) {
    const before = decoded(unlabeled, FULL_VIEW, told, false);
    assert.equal(reason(before, 'label'), 'ambiguous');
    assert.deepEqual([before.uid, before.gid, before.pid], [1000, 100, 42]);
    assert.equal(reason(withRole(before, systemFacts('linux'), CONNECTOR), 'label'), 'ambiguous');
    const since = decoded(unlabeled, FULL_VIEW, told, true);
    assert.equal(since.label?.text, 'system_u:object_r:unlabeled_t:s0');
  }
  assert.equal(reason(decoded({}, FULL_VIEW, pair, false), 'label'), 'unsupported', 'none is none');
});
