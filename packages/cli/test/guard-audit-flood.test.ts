/** The audit log when somebody would fill it, and when it is full. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { AuditQuota, type Suppressed } from '../dist/guard/records/audit-quota.js';
import { end, needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { type AuditEntry, ask, guard, paths, server, startGuard } from './support/guards.js';

const FLOOD = `
for i in range(500):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.close()
say('done')
`;

const USER = (uid: number) => ({ uid, gid: uid, groups: [] });

test('who is denied again and again has few lines and a number, and all others have theirs', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, socket => void socket.pipe(socket));
  const words = ['--listen', front, '--mode', '0666', '--allow-user', '3001', '--allow-user', '0'];
  const to = ['--to', `unix:${behind}`];
  const running = await guard(t, [...words, ...to, '--upstream-sees-guard', '--audit-repeats', '5']);
  const flood = python(t, FLOOD, { ...USER(3002), args: [front] });
  for (let round = 0; round < 20; round++) assert.equal(await ask(t, front, 'x', USER(3001)), 'x');
  assert.equal(await ask(t, front, 'x', USER(3003)), '');
  assert.equal(await flood.line(), 'done');
  // A connection after all of them is decided after them.
  assert.equal(await ask(t, front, 'x'), 'x');
  await end(running);
  const entries = running.entries();
  const of = (uid: number, event: string) =>
    entries.filter(entry => entry.event === event && entry.peer?.uid === uid);
  assert.equal(of(3001, 'admitted').length, 20);
  assert.equal(of(3003, 'denied').length, 1);
  const left = entries.filter(({ event }) => event === 'suppressed');
  assert.ok(left.length > 0);
  for (const { of: what, uid, reason } of left)
    assert.deepEqual([what, uid, reason], ['denied', 3002, 'no-rule']);
  const suppressed = left.reduce((sum, one) => sum + (one.suppressed ?? 0), 0);
  assert.equal(of(3002, 'denied').length + suppressed, 500);
});

test('the quota is of a user, an event and a reason, or of a connection; what is let in has none', () => {
  const lines: string[] = [];
  const told: Suppressed[] = [];
  const log = { write: (event: string) => void lines.push(event), isWritable: () => true, reopen() {} };
  const quota = new AuditQuota(log, 2, one => told.push(one));
  const write = (event: string, facts: object, times: number) => {
    for (let time = 0; time < times; time++) quota.write(event, () => facts);
  };
  const [one, other] = [{ uid: 1 }, {}];
  write('denied', { connection: 7, peer: one, decision: { reason: 'denied' } }, 5);
  write('denied', { connection: 8, peer: one, decision: { reason: 'no-rule' } }, 3);
  write('denied', { connection: 9, peer: other, decision: { reason: 'denied' } }, 4);
  write('limited', { limit: 'spareDescriptors' }, 3);
  write('unserved', { connection: 1, code: 'ECONNREFUSED' }, 2);
  write('unserved', { connection: 2, code: 'ECONNREFUSED' }, 4);
  write('failed', { code: 'EIO' }, 1);
  for (const event of ['admitted', 'ended', 'policy-refused']) write(event, { peer: one }, 100);
  quota.settle();
  assert.equal(lines.length, 2 * 6 + 1 + 300);
  assert.deepEqual(told, [
    { of: 'denied', suppressed: 3, uid: 1, reason: 'denied' },
    { of: 'denied', suppressed: 1, uid: 1, reason: 'no-rule' },
    { of: 'denied', suppressed: 2, reason: 'denied' },
    { of: 'limited', suppressed: 1, reason: 'spareDescriptors' },
    { of: 'unserved', suppressed: 2, connection: 2, reason: 'ECONNREFUSED' },
  ]);
  write('denied', { peer: one, decision: { reason: 'denied' } }, 2);
  quota.settle();
  assert.equal(told.length, 5, 'a new second');
});

test('--audit-required: nobody is let in while nothing can be written, and everybody after that', {
  skip: needs('linux', 'root', 'python3'),
}, async t => {
  const directory = ownDirectory(t);
  const { front, behind } = paths(directory);
  await server(t, behind, socket => void socket.pipe(socket));
  const small = join(directory, 'small');
  const mount = spawnSync('/bin/sh', ['-c', `mkdir ${small} && mount -t tmpfs -o size=256k none ${small}`]);
  if (mount.status !== 0) return t.skip('needs mount(2)');
  try {
    const file = join(small, 'audit');
    const words = ['--listen', front, '--same-user', '--to', `unix:${behind}`, '--upstream-sees-guard'];
    const log = ['--audit', file, '--audit-required'];
    const running = startGuard(t, [...words, ...log]);
    while (!existsSync(front)) await new Promise(done => setTimeout(done, 20));
    assert.equal(await ask(t, front, 'x'), 'x');
    const fill = (blocks: number) =>
      spawnSync('/bin/sh', ['-c', `dd if=/dev/zero of=${small}/filler bs=4k count=${blocks}`]);
    // Room for some lines, and then for none.
    for (const blocks of [52, 100]) {
      fill(blocks);
      for (let round = 0; round < 3; round++) assert.equal(await ask(t, front, 'x'), '');
      rmSync(join(small, 'filler'));
      assert.equal(await ask(t, front, 'x'), 'x');
    }
    assert.equal((await end(running)).status, 0);
    const entries: AuditEntry[] = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    assert.equal(entries.filter(({ event }) => event === 'admitted').length, 3);
    const failed = entries.filter(({ event }) => event === 'failed');
    assert.deepEqual(
      failed.map(({ code }) => code),
      Array.from({ length: 6 }, () => 'ERR_AUDIT'),
    );
  } finally {
    spawnSync('/bin/umount', ['--lazy', small]);
  }
});
