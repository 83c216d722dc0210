/**
 * What a kernel of each version must answer, and what the library makes of
 * it. Every outcome is exact: a kernel that answers otherwise fails here, and
 * its version is then written down instead of the test being loosened.
 */

import assert from 'node:assert/strict';
import { existsSync, statfsSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { peerCredentials } from 'sockcred';
import { definePolicy } from 'sockcred/authorization';
import { identifyPeer, peerWitnesses } from 'sockcred/witnesses';
import { addon } from '../../dist/sys/addon.js';
import { closeDescriptor } from '../../dist/sys/descriptor.js';
import { peerPidfd } from '../../dist/sys/peer-pidfd.js';
import { parsePidfdInfo, pidfdProcess } from '../../dist/sys/pidfd-info.js';
import { openDirectory } from '../support/directories.js';
import { acceptFrom, connectScript, descriptorNumber, openServer, python } from '../support/peers.js';
import { needs } from '../support/requirements.js';
import { probe } from './support/probe.js';
import { since, version } from './support/version.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };
const NOBODY = [0, 4294967295, 4294967295];
const PIDFS_MAGIC = 0x50494446;
const ANON_INODE_MAGIC = 0x09041934;
const hasPeerPidfd = since(6, 5);

test(`T25: a living peer's pidfd is given from 6.5 on (here: ${version})`, asRoot, async t => {
  const { socket, peer } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [27] });
  const { fd, outcome } = peerPidfd(descriptorNumber(socket));
  if (!hasPeerPidfd) {
    assert.deepEqual([fd, outcome], [undefined, { kind: 'unsupported', errno: 'ENOPROTOOPT' }]);
    return;
  }
  assert.ok(fd !== undefined, JSON.stringify(outcome));
  assert.deepEqual(pidfdProcess(fd), { state: 'visible', pid: peer.child.pid });
  assert.equal(statfsSync(`/proc/self/fd/${fd}`).type, since(6, 9) ? PIDFS_MAGIC : ANON_INODE_MAGIC);
  closeDescriptor(fd);
});

test(
  `T25: what a policy is told of a process raises trust from 6.5 on (here: ${version})`,
  asRoot,
  async t => {
    const { socket } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [] });
    const peer = peerCredentials(socket);
    const others = identifyPeer(peer, socket);
    for (const fact of [others.alive?.(), others.namespaces?.()]) {
      assert.ok(fact?.known, JSON.stringify(fact));
      assert.equal(fact.forgeable === undefined, hasPeerPidfd, fact.forgeable);
    }
    const rule = { effect: 'allow', user: 1234, alive: true, sameNamespaces: true } as const;
    const allowed = (...believeForgeable: readonly ('alive' | 'namespaces')[]) =>
      definePolicy(
        { rules: [believeForgeable.length === 0 ? rule : { ...rule, believeForgeable }] },
        { witnesses: peerWitnesses() },
      ).decide(peer, others).allowed;
    assert.equal(allowed(), hasPeerPidfd);
    assert.equal(allowed('alive', 'namespaces'), true);
  },
);

/** SO_PEERPIDFD of a reaped peer, step by step: 6.5, 6.15, 6.16. */
function ofReaped(): object {
  if (!hasPeerPidfd) return { kind: 'unsupported', errno: 'ENOPROTOOPT' };
  if (!since(6, 15)) return { kind: 'gone', errno: 'EINVAL' };
  return since(6, 16) ? { kind: 'answered' } : { kind: 'gone', errno: 'ESRCH' };
}

test(`T25: a reaped peer is told as this version tells it (here: ${version})`, asRoot, async t => {
  const path = `${openDirectory(t)}/s`;
  const { next } = await openServer(t, path);
  const peer = python(t, connectScript().replace('hear()', ''), { uid: 1234, gid: 4321, args: [path] });
  await peer.exited;
  for (let tries = 0; existsSync(`/proc/${peer.child.pid}`); tries++) {
    assert.ok(tries < 200, 'it is never reaped');
    await delay(10);
  }
  const socket = await next();
  const { fd, outcome } = peerPidfd(descriptorNumber(socket));
  assert.deepEqual(outcome, ofReaped());
  assert.equal(fd !== undefined, since(6, 16));
  if (fd !== undefined) {
    assert.deepEqual(pidfdProcess(fd), { state: 'reaped' });
    closeDescriptor(fd);
  }
  const found = peerCredentials(socket);
  assert.deepEqual([found.uid, found.gid, found.pid], [1234, 4321, peer.child.pid], 'its ids stay known');
});

test('T25: a socket without a peer has no pidfd, and that is not "unsupported"', asRoot, t => {
  const fd = addon().streamSocket();
  t.after(() => closeDescriptor(fd));
  assert.deepEqual(
    peerPidfd(fd).outcome,
    hasPeerPidfd ? { kind: 'no-data', errno: 'ENODATA' } : { kind: 'unsupported', errno: 'ENOPROTOOPT' },
  );
});

test('T20: SO_PEERGROUPS is answered by every kernel that is run here', asRoot, async t => {
  const { socket } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [27, 100] });
  const { groups, evidence } = peerCredentials(socket);
  assert.deepEqual(groups, [27, 100, 4321]);
  assert.deepEqual(evidence.groups, {
    known: true,
    about: 'connector',
    source: 'SO_PEERGROUPS',
    captured: 'connect',
  });
});

test('bare questions', asRoot, async t => {
  const told = await probe(t);

  await t.test('V1: a socket without a peer answers (0, -1, -1), without an error', () => {
    const nothing = { cred: NOBODY, groups: 'ENODATA', pidfd: hasPeerPidfd ? 'ENODATA' : 'ENOPROTOOPT' };
    assert.equal(Object.keys(told.peerless).length, 8);
    for (const [name, answers] of Object.entries(told.peerless)) assert.deepEqual(answers, nothing, name);
  });

  await t.test('V2: a listening socket answers with its own process', () => {
    const pidfd = hasPeerPidfd ? 'pidfd' : 'ENOPROTOOPT';
    assert.deepEqual(told.listening, { cred: [told.pid, 0, 0], groups: 'groups', pidfd });
  });

  await t.test('V3: a short length cuts the answer without an error', () => {
    assert.deepEqual(told.shortLengths, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  await t.test('T34: a second listen() restamps, and earlier connections keep what they had', () => {
    assert.deepEqual(told.listenedTwice, [11, 11, 22]);
  });

  await t.test('V5, T39: late SO_PASSCRED shows (0, 65534, 65534), but not before accept()', () => {
    assert.deepEqual(told.passCredentials.late, [0, 65534, 65534]);
    assert.deepEqual(told.passCredentials.beforeAccept, [told.pid, 0, 0]);
  });

  await t.test('V5: SO_PASSCRED is inherited at accept() before 6.16, at connect() from then on', () => {
    assert.equal(told.passCredentials.listenerSetAfterConnect, since(6, 16) ? 0 : 1);
  });

  await t.test('T16: SO_PEERGROUPS lists the supplementary groups alone', () => {
    assert.deepEqual(told.peerGroups, [27, 100]);
  });

  await t.test('SO_NETNS_COOKIE is there from 5.14 on, and tells the network namespace of the client', () => {
    const { netnsCookies: cookies } = told;
    if (!since(5, 14)) return assert.equal(cookies, 'ENOPROTOOPT');
    assert.ok(typeof cookies === 'object', String(cookies));
    assert.equal(cookies.accepted, cookies.theirs);
    assert.notEqual(cookies.accepted, cookies.ours);
  });

  await t.test('SO_PASSPIDFD is there from 6.5 on', () => {
    assert.equal(told.passPidfd, since(6, 5) ? 'taken' : 'ENOPROTOOPT');
  });

  await t.test(
    'V15: SO_PASSRIGHTS is there from 6.16 on, set, and without it descriptors are refused',
    () => {
      assert.equal(told.passRights, since(6, 16) ? '1, then EPERM' : 'ENOPROTOOPT');
    },
  );

  await t.test('pidfds have inodes of their own from 6.9 on, and share one before', () => {
    const [mine, other] = told.pidfds;
    const magic = since(6, 9) ? PIDFS_MAGIC : ANON_INODE_MAGIC;
    assert.deepEqual([mine?.magic, other?.magic], [magic, magic]);
    assert.equal(mine?.inode !== other?.inode, since(6, 9));
  });

  await t.test('T26: fdinfo has its line Pid:, and -1 there once the process is reaped', () => {
    assert.deepEqual(parsePidfdInfo(told.fdinfo.alive), { state: 'visible', pid: told.other });
    assert.deepEqual(parsePidfdInfo(told.fdinfo.reaped), { state: 'reaped' });
  });

  // 6.11 and 6.12 have ioctls of pidfds, none of which takes an argument.
  const noInfo = since(6, 11) ? 'EINVAL' : 'ENOTTY';

  await t.test('V11: PIDFD_GET_INFO is there from 6.13 on, its exit status from 6.15 on', () => {
    assert.deepEqual(told.info.alive, since(6, 13) ? [3, told.other, 0] : noInfo);
    assert.equal(told.info.reaped, since(6, 13) ? 'ESRCH' : noInfo);
    if (since(6, 15)) assert.equal(told.info.exit, `8: ${7 << 8}`);
    else assert.equal(told.info.exit, since(6, 13) ? 'ESRCH' : noInfo);
  });

  await t.test(
    'T11, V9: a peer outside the pid namespace of its server is pid 0, and has a pidfd all the same',
    () => {
      assert.deepEqual(told.foreign.cred, [0, 0, 0]);
      assert.equal(told.foreign.pidfd, hasPeerPidfd ? 'pidfd' : 'ENOPROTOOPT');
      // New in 7.0, and in the stable releases of 6.18 and 6.19.
      const refused = since(6, 18) ? 'EREMOTE' : 'ESRCH';
      assert.equal(told.foreign.info, hasPeerPidfd ? (since(6, 13) ? refused : noInfo) : 'not asked');
    },
  );
});
