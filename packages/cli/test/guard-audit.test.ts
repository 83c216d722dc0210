/** The audit log: every decision, each on one line, in a file that only its owner reads. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { recordedPeer } from 'sockcred';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { end, needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { type AuditEntry, ask, CAT, guard, type RunningGuard, startGuard } from './support/guards.js';

const onLinux = { skip: needs('linux', 'python3') };

function entriesIn(file: string): AuditEntry[] {
  const text = readFileSync(file, 'utf8');
  assert.ok(text.endsWith('\n'), 'no line is cut');
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
}

/** Once it serves, whatever it writes. */
/** A guard with its log in a file, in front of a program. */
function logging(t: TestContext, path: string, file: string, ...more: readonly string[]): RunningGuard {
  return startGuard(t, ['--listen', path, '--same-user', '--audit', file, ...more, ...CAT]);
}

async function serving(t: TestContext, path: string): Promise<void> {
  while (!existsSync(path)) await new Promise(done => setTimeout(done, 20));
  assert.equal(await ask(t, path, 'x'), 'x');
}

test('a line for each decision: who, by which rule, and why', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const path = join(ownDirectory(t), 's');
  const words = [
    '--listen',
    path,
    '--mode',
    '0666',
    '--allow-group',
    '44',
    '--deny-user',
    '3002',
    '--programs-as-root',
    '--',
    '/bin/cat',
  ];
  const running = await guard(t, words);
  await ask(t, path, '', { uid: 3001, gid: 3001, groups: [44] });
  await ask(t, path, '', { uid: 3002, gid: 3002, groups: [44] });
  await ask(t, path, '', { uid: 3003, gid: 3003, groups: [] });
  await end(running);
  const decided = running.entries().filter(({ event }) => event === 'admitted' || event === 'denied');
  assert.deepEqual(
    decided.map(({ event, level, peer, decision }) => [
      event,
      level,
      peer?.uid,
      decision?.reason,
      decision?.rule?.name,
    ]),
    [
      ['admitted', 'info', 3001, 'allowed', '--allow-group 44'],
      ['denied', 'warn', 3002, 'denied', '--deny-user 3002'],
      ['denied', 'warn', 3003, 'no-rule', undefined],
    ],
  );
  for (const { peer, decision, time } of decided) {
    assert.equal(recordedPeer(peer).evidence.groups.known, true);
    assert.ok((decision?.tried.length ?? 0) > 0);
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 600_000);
  }
  const numbers = decided.map(({ connection }) => connection);
  assert.equal(new Set(numbers).size, 3);
  assert.deepEqual(
    running
      .entries()
      .filter(({ event }) => event === 'ended')
      .map(({ connection }) => connection),
    [numbers[0]],
  );
});

test('T65: names of rules and of files begin no lines and move no cursor', onLinux, async t => {
  const directory = ownDirectory(t);
  const file = join(directory, 'policy.toml');
  const name = 'forged\\n{\\"event\\":\\"admitted\\"}\\u001b[2J\\u009b\\u202e\\u2028\\u007f';
  writeFileSync(
    file,
    `[[rules]]\neffect = "deny"\nname = "${name}"\neveryone = true\n[[rules]]\neffect = "allow"\nuser = 0\n`,
  );
  const path = join(directory, 's\n{"event":"admitted"}\x1b[2J');
  const running = await guard(t, [
    '--listen',
    path,
    '--policy',
    file,
    '--programs-as-root',
    '--',
    '/bin/cat',
  ]);
  await ask(t, path, '');
  const { stdout, stderr } = await end(running);
  assert.doesNotMatch(stdout, /[^\n\x20-\x7e]/);
  assert.doesNotMatch(stderr, /[\x1b\x9b\x7f\u202e\u2028]/);
  assert.deepEqual(
    running.entries().filter(({ event }) => event === 'admitted'),
    [],
  );
  const denied = await running.entry('denied');
  assert.equal(denied.decision?.rule?.name, 'forged\n{"event":"admitted"}\x1b[2J\x9b\u202e\u2028\x7f');
});

test('a file of its own: only for its owner, appended to, and begun anew on SIGHUP', onLinux, async t => {
  const directory = ownDirectory(t);
  const file = join(directory, 'audit');
  const path = join(directory, 's');
  writeFileSync(file, '{"event":"before"}\n', { mode: 0o600 });
  const running = logging(t, path, file);
  await serving(t, path);
  const moved = `${file}.1`;
  renameSync(file, moved);
  await ask(t, path, 'into the moved file');
  running.child.kill('SIGHUP');
  const begun = () => existsSync(file) && readFileSync(file, 'utf8').includes('policy-replaced');
  while (!begun()) await new Promise(done => setTimeout(done, 20));
  await ask(t, path, 'into the new file');
  const { stdout } = await end(running);
  assert.equal(stdout, '');
  assert.equal(entriesIn(moved)[0]?.event, 'before');
  const count = (name: string) => entriesIn(name).filter(({ event }) => event === 'admitted').length;
  assert.equal(count(file), 1);
  assert.ok(count(moved) >= 2);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(entriesIn(file).at(-1)?.event, 'stopped');
});

test('no line is lost when it is ended in the middle of many connections', onLinux, async t => {
  const directory = ownDirectory(t);
  const file = join(directory, 'audit');
  const path = join(directory, 's');
  const running = logging(t, path, file, '--grace', '5', '--connections', '1000');
  await serving(t, path);
  const script = `
served = 0
try:
    while True:
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        s.sendall(b'x')
        served += s.recv(1) == b'x'
        s.close()
        if served == 20: say('busy')
except OSError:
    pass
say(served)
`;
  const clients = Array.from({ length: 4 }, () => python(t, script, { args: [path] }));
  for (const client of clients) assert.equal(await client.line(), 'busy');
  const { status } = await end(running);
  assert.equal(status, 0);
  const served = await Promise.all(clients.map(async client => Number(await client.line())));
  const entries = entriesIn(file);
  const admitted = entries.filter(({ event }) => event === 'admitted').length;
  const total = served.reduce((sum, one) => sum + one, 0) + 1;
  assert.ok(
    admitted >= total && admitted <= total + clients.length,
    `${admitted} lines of ${total} connections`,
  );
  assert.equal(entries.filter(({ event }) => event === 'ended').length, admitted);
});

test('a log that cannot be opened ends it before it lets anybody in', onLinux, async t => {
  const directory = ownDirectory(t);
  const words = ['--listen', join(directory, 's'), '--same-user', ...CAT];
  const { status, stderr } = await startGuard(t, ['--audit', join(directory, 'no', 'audit'), ...words]).ended;
  assert.equal(status, 3);
  assert.match(stderr, /--audit: .*ENOENT/);
});

test('a full disk ends nothing, is told, and what waits is written once there is room', {
  skip: needs('linux', 'root', 'python3'),
}, async t => {
  const directory = ownDirectory(t);
  const small = join(directory, 'small');
  const mount = spawnSync('/bin/sh', ['-c', `mkdir ${small} && mount -t tmpfs -o size=64k none ${small}`]);
  if (mount.status !== 0) return t.skip('needs mount(2)');
  try {
    const file = join(small, 'audit');
    const filler = join(small, 'filler');
    const path = join(directory, 's');
    const running = logging(t, path, file);
    await serving(t, path);
    spawnSync('/bin/sh', ['-c', `dd if=/dev/zero of=${filler} bs=4k count=100`]);
    for (let index = 0; index < 10; index++) assert.equal(await ask(t, path, 'y'), 'y');
    rmSync(filler);
    assert.equal(await ask(t, path, 'z'), 'z');
    const { status, stderr } = await end(running);
    assert.equal(status, 0);
    assert.match(stderr, /the audit log cannot be written: ENOSPC/);
    assert.equal(entriesIn(file).filter(({ event }) => event === 'admitted').length, 12);
  } finally {
    spawnSync('/bin/umount', ['--lazy', small]);
  }
});

test('whoever reads the log and goes away does not end the guard', onLinux, async t => {
  const directory = ownDirectory(t);
  const path = join(directory, 's');
  const running = startGuard(t, ['--listen', path, '--same-user', ...CAT]);
  await running.entry('listening');
  running.child.stdout?.destroy();
  assert.equal(await ask(t, path, 'x'), 'x');
  assert.equal(await ask(t, path, 'y'), 'y');
  running.child.kill('SIGTERM');
  assert.equal((await running.ended).status, 0);
});

test('under --run-as the log belongs to that user, who can open it again', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const directory = ownDirectory(t);
  const logs = join(directory, 'logs');
  mkdirSync(logs);
  chownSync(logs, 2345, 2345);
  const file = join(logs, 'audit');
  const path = join(directory, 's');
  const words = [
    '--listen',
    path,
    '--mode',
    '0666',
    '--allow-user',
    '0',
    '--run-as',
    '2345:2345',
    '--audit',
    file,
  ];
  const running = startGuard(t, [...words, ...CAT]);
  await serving(t, path);
  assert.deepEqual([statSync(file).uid, statSync(file).mode & 0o777], [2345, 0o600]);
  rmSync(file);
  running.child.kill('SIGHUP');
  while (!existsSync(file)) await new Promise(done => setTimeout(done, 20));
  await end(running);
  assert.equal(statSync(file).uid, 2345);
});
