/**
 * What each kernel tells of the sender of a message. The bytes that it comes
 * in are the native tests' business; here are the numbers that these give.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disagreesWith, isSentBy, type MessageCredentials, type SenderField } from 'sockcred/messages';
import { SYSTEMS, systemFacts } from '../dist/credentials/systems.js';
import { decodeSender, type SenderAnswers } from '../dist/messages/message-credentials.js';
import { ANSWERED, outcomeOf } from '../dist/sys/outcome.js';

const ERANGE = 34;
const BAD_LENGTH = outcomeOf(0x10001);
const UNSUPPORTED = outcomeOf(0x10002);
const MAYBE_INCOMPLETE = outcomeOf(0x10003);
const NO_DATA = outcomeOf(0x10004);
const NO_ID = 0xffffffff;

const AROUND = {
  view: { overflowUid: undefined, overflowGid: undefined },
  unrecorded: () => ({ uid: 65534, gid: 65534 }),
};

/** A setuid program of user 1000, in process 42, as this system's native file would report it. */
function senderOn(system: string, answers: Partial<SenderAnswers> = {}): MessageCredentials {
  const plain = system === 'linux';
  return decodeSender(
    {
      system,
      credentials: ANSWERED,
      attached: false,
      uid: 1000,
      gid: 100,
      effectiveUid: plain ? NO_ID : 0,
      effectiveGid: plain ? NO_ID : 101,
      pid: 42,
      groups: plain ? UNSUPPORTED : ANSWERED,
      groupList: plain ? new Uint32Array(0) : Uint32Array.of(101, 7, 7, 5),
      ...answers,
    },
    AROUND,
  );
}

function why(sender: MessageCredentials, field: SenderField): string {
  const fact = sender.evidence[field];
  assert.equal(fact.known, field in sender, `${field} is there exactly when it is known`);
  return fact.known ? fact.source : fact.reason;
}

const STAMPING = ['freebsd', 'dragonfly', 'netbsd', 'sunos'];

test('T33: real and effective ids of a sender are told apart, where the kernel tells both', () => {
  const sources = { freebsd: 'SCM_CREDS2', dragonfly: 'SCM_CREDS', netbsd: 'SCM_CREDS', sunos: 'SCM_UCRED' };
  for (const [system, source] of Object.entries(sources)) {
    const sender = senderOn(system);
    assert.deepEqual(
      { ...sender, evidence: undefined },
      {
        ids: 'real',
        chosenBy: 'kernel',
        uid: 1000,
        gid: 100,
        effectiveUid: 0,
        effectiveGid: 101,
        pid: 42,
        groups: [5, 7, 101],
        evidence: undefined,
      },
    );
    for (const field of Object.keys(sender.evidence)) assert.equal(why(sender, field as SenderField), source);
    assert.equal(isSentBy(sender, 1000), true, 'the effective id is no authorship');
    assert.equal(isSentBy(sender, 0), false);
  }
  const linux = senderOn('linux', { effectiveUid: 0, effectiveGid: 0 });
  assert.deepEqual([linux.uid, linux.effectiveUid, linux.groups], [1000, undefined, undefined]);
  assert.deepEqual(
    [why(linux, 'uid'), why(linux, 'effectiveUid'), why(linux, 'effectiveGid'), why(linux, 'groups')],
    ['SCM_CREDENTIALS', 'unsupported', 'unsupported', 'unsupported'],
  );
});

test('T43: only on Linux does a sender choose', () => {
  const choosers = SYSTEMS.map(({ name }) => [name, senderOn(name).chosenBy]);
  assert.deepEqual(Object.fromEntries(choosers), {
    linux: 'kernel-or-sender',
    freebsd: 'kernel',
    dragonfly: 'kernel',
    netbsd: 'kernel',
    sunos: 'kernel',
    darwin: undefined,
    openbsd: undefined,
    getpeereid: undefined,
    none: undefined,
  });
});

test('T44: on FreeBSD, what the sender attached has the name that it came under', () => {
  assert.equal(why(senderOn('freebsd', { attached: true }), 'uid'), 'SCM_CREDS');
  // The older of its two forms has no process.
  const older = senderOn('freebsd', { attached: true, pid: 0 });
  assert.deepEqual([older.uid, older.pid, why(older, 'pid')], [1000, undefined, 'not-provided']);
});

test('T21: a list of groups that may have been cut is none', () => {
  for (const system of STAMPING) {
    const cut = senderOn(system, { groups: MAYBE_INCOMPLETE, groupList: new Uint32Array(0) });
    assert.deepEqual([cut.gid, cut.groups, why(cut, 'groups')], [100, undefined, 'maybe-incomplete']);
    const many = senderOn(system, { groups: outcomeOf(ERANGE), groupList: new Uint32Array(0) });
    assert.deepEqual([many.uid, many.groups, why(many, 'groups')], [1000, undefined, 'maybe-incomplete']);
    const none = senderOn(system, { groups: NO_DATA, groupList: new Uint32Array(0) });
    assert.deepEqual([none.groups, why(none, 'groups')], [undefined, 'not-provided']);
    const alone = senderOn(system, { groupList: new Uint32Array(0) });
    assert.deepEqual(alone.groups, [101], 'the effective group is always one of them');
  }
});

test('T10, T14: ids that are none are absent, and so is a list that would lack one', () => {
  for (const system of STAMPING) {
    const sender = senderOn(system, {
      uid: NO_ID,
      gid: NO_ID,
      effectiveUid: NO_ID,
      effectiveGid: NO_ID,
      pid: 0,
    });
    for (const field of Object.keys(sender.evidence))
      assert.equal(why(sender, field as SenderField), 'not-provided');
    assert.equal(disagreesWith(sender, { uid: 1000 } as never), true);
    const list = senderOn(system, { groupList: Uint32Array.of(5, NO_ID) });
    assert.deepEqual([list.groups, why(list, 'groups')], [undefined, 'not-provided']);
  }
});

test('T39: what stands for nobody on Linux is somebody elsewhere', () => {
  const nobody = { uid: 65534, gid: 65534, pid: 0 };
  assert.equal(why(senderOn('linux', nobody), 'uid'), 'not-recorded');
  for (const system of STAMPING) assert.equal(senderOn(system, nobody).uid, 65534);
});

test('without credentials, cut ones and unsupported ones are told apart, and name nobody', () => {
  for (const { name } of SYSTEMS) {
    const reasons = [NO_DATA, BAD_LENGTH, UNSUPPORTED].map(credentials => {
      const sender = senderOn(name, { credentials });
      assert.deepEqual(Object.keys(sender), ['evidence']);
      return why(sender, 'uid');
    });
    assert.deepEqual(reasons, ['not-recorded', 'refused', 'unsupported']);
  }
  // No system of these passes any; should something come all the same, nothing vouches for it.
  for (const name of ['darwin', 'openbsd', 'getpeereid', 'none', 'another'])
    assert.equal(why(senderOn(name), 'uid'), 'unsupported');
});

test('every fact about senders has the kernel’s own name for it', () => {
  for (const { name, sender } of SYSTEMS) {
    if (!('ids' in sender)) continue;
    assert.equal(systemFacts(name).sender, sender);
    const names = [sender.ids, sender.pid, sender.effectiveIds, sender.groups].flatMap(told =>
      'option' in told ? [told.option] : [],
    );
    assert.equal(new Set(names).size, 1, `${name}: one control message has all of it`);
  }
});
