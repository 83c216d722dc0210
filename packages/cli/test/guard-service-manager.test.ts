/** A guard as a service: sockets that are given to it, and what it tells the service manager. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { UnixDatagramSocket } from 'sockcred/messages';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { connection } from './support/clients.js';
import { end, needsOtherUsers, run } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { ask, guard, startGuard } from './support/guards.js';

const onLinux = { skip: needs('linux', 'python3') };

interface Notified {
  readonly pid: number | undefined;
  readonly lines: readonly string[];
}

/** The manager's end: what is said there, and by which process. */
async function manager(t: TestContext, path: string) {
  const socket = await UnixDatagramSocket.bound(path, { mode: 0o666 });
  t.after(() => socket.close());
  const said: Notified[] = [];
  const wanted: (() => void)[] = [];
  socket.on('message', (data, { sender }) => {
    said.push({ pid: sender.pid, lines: String(data).trimEnd().split('\n') });
    for (const look of wanted.splice(0)) look();
  });
  return {
    said,
    /** The first message that has this line, and begins with that one if it is to. */
    async until(line: string, first?: string): Promise<Notified> {
      for (;;) {
        const found = said.find(({ lines }) => lines.includes(line) && (first ?? lines[0]) === lines[0]);
        if (found !== undefined) return found;
        await new Promise<void>(done => wanted.push(done));
      }
    },
  };
}

test('it says when it is ready, reads its policy again, and stops', onLinux, async t => {
  const directory = ownDirectory(t);
  const notify = join(directory, 'notify');
  const { said, until } = await manager(t, notify);
  const file = join(directory, 'policy.toml');
  writeFileSync(file, '[[rules]]\neffect = "allow"\nsameUser = true\n');
  const path = join(directory, 's');
  const words = ['--listen', path, '--policy', file, '--grace', '30', '--programs-as-root', '--', '/bin/cat'];
  const running = await guard(t, words, { env: { NOTIFY_SOCKET: notify } });
  assert.equal((await until('READY=1')).pid, running.pid);
  const before = process.hrtime.bigint() / 1000n;
  running.child.kill('SIGHUP');
  const reloading = await until('RELOADING=1');
  const moment = BigInt(/^MONOTONIC_USEC=(\d+)$/.exec(reloading.lines[1] ?? '')?.[1] ?? '');
  assert.ok(
    moment >= before && moment <= process.hrtime.bigint() / 1000n,
    'CLOCK_MONOTONIC, in microseconds',
  );
  await until('STATUS=the policy was read again');
  writeFileSync(file, 'broken');
  running.child.kill('SIGHUP');
  await until('STATUS=the policy has faults: the old one is in force', 'READY=1');
  const ready = said.filter(({ lines }) => lines[0] === 'READY=1' || lines[0] === 'RELOADING=1');
  assert.deepEqual(
    ready.map(({ lines }) => lines[0]),
    ['READY=1', 'RELOADING=1', 'READY=1', 'RELOADING=1', 'READY=1'],
  );
  const open = await connection(t, path);
  await running.entry('admitted');
  running.child.kill('SIGTERM');
  assert.ok((await until('STOPPING=1')).lines.includes('STATUS=1 connections are open'));
  open.end();
  assert.equal((await running.ended).status, 0);
});

test('it says it under --run-as and on an abstract name, and nobody has to listen', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const directory = ownDirectory(t);
  const name = `@sockcred-test-notify-${process.pid}`;
  const { until } = await manager(t, name);
  const words = [
    '--listen',
    join(directory, 's'),
    '--same-user',
    '--run-as',
    '2345:2345',
    '--programs-as-root',
    '--',
    '/bin/cat',
  ];
  const running = await guard(t, words, { env: { NOTIFY_SOCKET: name } });
  assert.equal((await until('READY=1')).pid, running.pid);
  assert.equal((await end(running)).status, 0);
  for (const nobody of [join(directory, 'nobody'), '@nobody-listens-there', 'vsock:2:1', '']) {
    const alone = await guard(t, words, { env: { NOTIFY_SOCKET: nobody } });
    assert.equal((await end(alone)).status, 0);
  }
});

test('systemd itself opens the socket, and the guard serves on it', {
  skip: needsOtherUsers('python3', 'systemd-socket-activate'),
}, async t => {
  const path = join(ownDirectory(t), 's');
  const before = [programPath('systemd-socket-activate'), '-l', path];
  const script =
    'import os; print(sorted(name for name in os.environ if name.startswith("LISTEN")), os.environ["SOCKCRED_UID"])';
  const program = ['--programs-as-root', '--', programPath('python3'), '-c', script];
  const running = startGuard(t, ['--everyone', '--run-as', '2345:2345', ...program], { before });
  while (!existsSync(path)) await new Promise(done => setTimeout(done, 5));
  chmodSync(path, 0o666);
  assert.equal(await ask(t, path, '', { uid: 3001, gid: 3001, groups: [] }), '[] 3001\n');
  assert.equal((await running.entry('listening')).at, 'fd 3');
  assert.equal((await running.entry('admitted')).peer?.uid, 3001);
  assert.equal((await end(running)).status, 0);
  assert.ok(lstatSync(path).isSocket(), 'the file belongs to the service manager');
});

for (const words of [
  ['--listen', '/nowhere/s'],
  ['--mode', '0666'],
]) {
  test(`${words[0]} contradicts a socket that is given`, {
    skip: needs('linux', 'systemd-socket-activate'),
  }, async t => {
    const path = join(ownDirectory(t), 's');
    const before = [programPath('systemd-socket-activate'), '-l', path];
    const running = run(t, ['guard', ...words, '--same-user', '--programs-as-root', '--', '/bin/cat'], {
      before,
    });
    while (!existsSync(path)) await new Promise(done => setTimeout(done, 5));
    await connection(t, path);
    const { status, stderr } = await running;
    assert.equal(status, 2);
    assert.match(stderr, new RegExp(words[0] ?? ''));
  });
}
