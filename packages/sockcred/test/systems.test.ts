/**
 * What the answers of each kernel amount to. The bytes that they come in are
 * the native tests' business; here are the numbers that these give.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUser, type PeerCredentials, peerToJson, recordedPeer, sameUser } from 'sockcred';
import { decodePeer, withRole } from '../dist/credentials/decode.js';
import { roleOf, type Side } from '../dist/credentials/role.js';
import { SYSTEMS, systemFacts } from '../dist/credentials/systems.js';
import { ANSWERED, outcomeOf } from '../dist/sys/outcome.js';
import type { PeerAnswers } from '../dist/sys/peer-answers.js';

const FULL_VIEW = { overflowUid: undefined, overflowGid: undefined };
const UNSUPPORTED = outcomeOf(0x10002);
const MAYBE_INCOMPLETE = outcomeOf(0x10003);
const NO_DATA = outcomeOf(0x10004);
const OUR_PID = 4242;

const SIDE_NAMES = {
  accepted: { localNamed: true, remoteNamed: false },
  connected: { localNamed: false, remoteNamed: true },
  pair: { localNamed: false, remoteNamed: false },
} as const;

/** A peer of uid 1000 in process 42, as this system's native file would report it. */
function peerOn(system: string, answers: Partial<PeerAnswers> = {}, side?: Side): PeerCredentials {
  const names = SIDE_NAMES[side ?? 'accepted'];
  const all: PeerAnswers = {
    system,
    ...names,
    credentials: ANSWERED,
    uid: 1000,
    gid: 100,
    pid: 42,
    groups: UNSUPPORTED,
    groupList: new Uint32Array(4),
    groupCount: 0,
    label: UNSUPPORTED,
    labelBytes: new Uint8Array(0),
    labelLength: 0,
    more: UNSUPPORTED,
    otherIds: { realUid: 0, savedUid: 0, realGid: 0, savedGid: 0 },
    zone: -1,
    ...answers,
  };
  const pidIsOurs = all.pid === OUR_PID;
  const around = { system: systemFacts(system), view: FULL_VIEW, pidIsOurs, pairsLabelled: true };
  return decodePeer(all, around, roleOf({ ...names, pidIsOurs }, side));
}

function why(peer: PeerCredentials, field: keyof PeerCredentials['evidence']): string {
  const fact = peer.evidence[field];
  assert.equal(fact.known, field in peer, `${field} is there exactly when it is known`);
  return fact.known ? `${fact.source} ${fact.captured ?? 'at no certain moment'}` : fact.reason;
}

const groups = (...list: number[]) => ({
  groups: ANSWERED,
  groupList: Uint32Array.of(...list, 0, 0),
  groupCount: list.length,
});

test('T21: sixteen groups on FreeBSD may be more, fewer are all, and no group 0 is made up', () => {
  for (const system of ['freebsd', 'dragonfly']) {
    const all = peerOn(system, groups(100, 5, 7));
    assert.deepEqual(all.groups, [5, 7, 100]);
    assert.equal(why(all, 'groups'), 'LOCAL_PEERCRED connect');
    assert.deepEqual(peerOn(system, groups(100)).groups, [100]);
    assert.equal(why(peerOn(system, { groups: MAYBE_INCOMPLETE }), 'groups'), 'maybe-incomplete');
  }
});

test('T21: groups on macOS are never complete', () => {
  const peer = peerOn('darwin', { groups: MAYBE_INCOMPLETE });
  assert.equal(why(peer, 'groups'), 'maybe-incomplete');
  assert.match(peer.evidence.groups.known ? '' : peer.evidence.groups.detail, /directory service/);
});

test('T29: macOS has no process of the connector, whatever number comes along', () => {
  for (const pid of [0, 42, OUR_PID]) {
    const peer = peerOn('darwin', { pid });
    assert.equal(peer.pid, undefined);
    assert.equal(why(peer, 'pid'), 'unsupported');
    assert.ok(isUser(peer, 1000));
  }
});

test('T11: no pid is no hidden pid where there are no pid namespaces', () => {
  assert.equal(why(peerOn('freebsd', { pid: 0 }), 'pid'), 'not-provided');
  assert.equal(why(peerOn('linux', { pid: 0 }), 'pid'), 'hidden');
  assert.equal(why(peerOn('dragonfly', { pid: 7 }), 'pid'), 'unsupported');
});

test('T36: when a listener was captured differs from system to system', () => {
  const moments = Object.fromEntries(
    SYSTEMS.filter(({ name }) => name !== 'none').map(({ name }) => [
      name,
      why(peerOn(name, {}, 'connected'), 'uid'),
    ]),
  );
  assert.deepEqual(moments, {
    linux: 'SO_PEERCRED listen',
    darwin: 'LOCAL_PEERCRED listen',
    freebsd: 'LOCAL_PEERCRED listen',
    dragonfly: 'LOCAL_PEERCRED listen',
    openbsd: 'SO_PEERCRED bind',
    netbsd: 'LOCAL_PEEREID at no certain moment',
    sunos: 'getpeerucred at no certain moment',
    getpeereid: 'getpeereid at no certain moment',
  });
});

test('T37: the creator of a socketpair, where the system records it', () => {
  assert.equal(why(peerOn('openbsd', {}, 'pair'), 'uid'), 'SO_PEERCRED socketpair');
  assert.equal(why(peerOn('freebsd', {}, 'pair'), 'uid'), 'LOCAL_PEERCRED at no certain moment');
  const none = peerOn('netbsd', { credentials: NO_DATA }, 'pair');
  assert.deepEqual(
    [why(none, 'uid'), why(none, 'gid'), why(none, 'pid')],
    ['not-provided', 'not-provided', 'not-provided'],
  );
});

test('T13: a NetBSD client that finds itself at the other end is told nothing', () => {
  const doubtful = peerOn('netbsd', { pid: OUR_PID }, 'connected');
  assert.equal(doubtful.role, 'listener');
  assert.deepEqual(
    [why(doubtful, 'uid'), why(doubtful, 'gid'), why(doubtful, 'pid')],
    ['ambiguous', 'ambiguous', 'ambiguous'],
  );
  assert.equal(isUser(doubtful, 1000), false);
  assert.equal(sameUser(doubtful, doubtful), false);
  assert.equal(
    peerOn('netbsd', { pid: OUR_PID }, 'accepted').uid,
    1000,
    'a connection from ourselves is one',
  );
  assert.equal(peerOn('netbsd', { pid: 42 }, 'connected').uid, 1000);
  assert.equal(peerOn('linux', { pid: OUR_PID }, 'connected').uid, 1000);
});

test('illumos tells real and saved ids and the zone, each only where it is one', () => {
  const otherIds = { realUid: 1, savedUid: 2, realGid: 3, savedGid: 4 };
  const peer = peerOn('sunos', { ...groups(100, 7), more: ANSWERED, otherIds, zone: 0 });
  assert.deepEqual(peer.otherIds, otherIds);
  assert.equal(peer.zone, 0);
  assert.deepEqual(peer.groups, [7, 100]);
  assert.deepEqual(recordedPeer(JSON.stringify(peerToJson(peer))), peer);
  const less = peerOn('sunos', { more: ANSWERED, otherIds: { ...otherIds, savedGid: 0xffffffff }, zone: -1 });
  assert.deepEqual([why(less, 'otherIds'), why(less, 'zone')], ['not-provided', 'not-provided']);
  assert.deepEqual(
    [why(peerOn('linux'), 'otherIds'), why(peerOn('linux'), 'zone')],
    ['unsupported', 'unsupported'],
  );
});

test('a question that a system never answers is absent there even if numbers come along', () => {
  for (const { name } of SYSTEMS) {
    const peer = peerOn(name, {
      ...groups(100),
      label: ANSWERED,
      labelBytes: Uint8Array.of(97),
      labelLength: 1,
      more: ANSWERED,
      otherIds: { realUid: 1, savedUid: 1, realGid: 1, savedGid: 1 },
      zone: 1,
    });
    const { evidence } = peer;
    for (const [field, key] of [
      ['ids', 'uid'],
      ['ids', 'gid'],
      ['pid', 'pid'],
      ['groups', 'groups'],
      ['label', 'label'],
      ['otherIds', 'otherIds'],
      ['zone', 'zone'],
    ] as const) {
      assert.equal(evidence[key].known, 'option' in systemFacts(name)[field], `${key} on ${name}`);
    }
  }
  assert.equal(systemFacts('no such system').name, 'none');
});

test('another side changes whose facts they are on every system, and nothing else', () => {
  for (const { name } of SYSTEMS) {
    const listener = peerOn(name, {}, 'connected');
    const names = { ...SIDE_NAMES.connected, pidIsOurs: false };
    const again = withRole(peerOn(name), systemFacts(name), roleOf(names, 'connected'));
    assert.deepEqual(again, listener);
  }
});
