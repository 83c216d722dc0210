/** A guard in front of a server: whom that sees, and every byte both ways. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { readProxyHeader } from 'sockcred/forwarding';
import { python } from '../../sockcred/build/support/peers.js';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { ask as askHttp, connection } from './support/clients.js';
import { end, needsOtherUsers, run } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { ask, guard, paths, server, tellAndEcho } from './support/guards.js';
import { assertBothWays, takenFrom } from './support/relayed.js';

const withOthers = { skip: needsOtherUsers('python3') };
const USERS = [
  { uid: 3001, gid: 5001, groups: [44, 5001] },
  { uid: 3002, gid: 5002, groups: [] },
  { uid: 3003, gid: 5003, groups: [27, 44, 5001, 5002] },
] as const;

function allGroups({ gid, groups }: { gid: number; groups: readonly number[] }): number[] {
  return [...new Set([gid, ...groups])].sort((a, b) => a - b);
}

test('the server behind sees each client itself: user, group and all groups', withOthers, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, tellAndEcho);
  const words = ['--listen', front, '--mode', '0666', '--everyone', '--deny-user', '3002'];
  const running = await guard(t, [...words, '--to', `unix:${behind}`, '--as-peer']);
  const answers = await Promise.all(USERS.map(user => ask(t, front, 'hello', user)));
  for (const [index, user] of USERS.entries()) {
    const [line = '', echo] = (answers[index] ?? '').split('\n');
    if (user.uid === 3002) {
      assert.equal(answers[index], '');
      continue;
    }
    assert.deepEqual(JSON.parse(line), { uid: user.uid, gid: user.gid, groups: allGroups(user) });
    assert.equal(echo, 'hello');
  }
  const denied = await running.entry('denied');
  assert.equal(denied.peer?.uid, 3002);
  assert.equal(denied.decision?.rule?.name, '--deny-user 3002');
  assert.equal(running.entries().filter(({ event }) => event === 'admitted').length, 2);
});

test('permissions of the socket behind are those of the client', withOthers, async t => {
  const directory = ownDirectory(t);
  const { front, behind } = paths(directory);
  const script = `
s = socket.socket(socket.AF_UNIX)
os.umask(0o177)
s.bind(sys.argv[1])
os.chown(sys.argv[1], 3001, 3001)
s.listen()
say('ready')
c, _ = s.accept()
c.sendall(b'served')
c.close()
hear()
`;
  const owner = python(t, script, { args: [behind] });
  await owner.line();
  const words = ['--listen', front, '--mode', '0666', '--everyone', '--to', `unix:${behind}`, '--as-peer'];
  const running = await guard(t, words);
  assert.equal(await ask(t, front, '', USERS[1]), '');
  assert.equal((await running.entry('unserved')).code, 'EACCES');
  assert.equal(await ask(t, front, '', USERS[0]), 'served');
});

test(
  '--run-as gives up root for good, in all threads, and the server behind sees that user',
  withOthers,
  async t => {
    const { front, behind } = paths(ownDirectory(t));
    await server(t, behind, tellAndEcho);
    const words = ['--listen', front, '--mode', '0666', '--allow-user', '3001', '--to', `unix:${behind}`];
    const running = await guard(t, [...words, '--run-as', '2345:2346']);
    const [line = ''] = (await ask(t, front, 'x', USERS[0])).split('\n');
    assert.deepEqual(JSON.parse(line), { uid: 2345, gid: 2346, groups: [2346] });
    const tasks = readdirSync(`/proc/${running.pid}/task`);
    assert.ok(tasks.length > 1);
    for (const task of tasks) {
      const status = readFileSync(`/proc/${running.pid}/task/${task}/status`, 'utf8');
      assert.match(status, /^Uid:\t2345\t2345\t2345\t2345$/m);
      assert.match(status, /^Gid:\t2346\t2346\t2346\t2346$/m);
      assert.match(status, /^Groups:\t2346 $/m);
      assert.match(status, /^CapEff:\t0+$/m);
      assert.match(status, /^CapPrm:\t0+$/m);
    }
  },
);

test('the same user of --run-as is that user', withOthers, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, tellAndEcho);
  const words = ['--listen', front, '--mode', '0666', '--same-user', '--to', `unix:${behind}`];
  await guard(t, [...words, '--run-as', '3001:3001']);
  assert.match(await ask(t, front, 'x', USERS[0]), /"uid":3001/);
  assert.equal(await ask(t, front, 'x'), '', 'root is another user now');
});

test('a guard that is root and says so is seen as root', {
  skip: needs('linux', 'root', 'python3'),
}, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, tellAndEcho);
  const words = ['--listen', front, '--same-user', '--to', `unix:${behind}`, '--upstream-sees-guard'];
  await guard(t, words);
  assert.match(await ask(t, front, 'x'), /"uid":0/);
});

test('bytes arrive as they were sent, both ways at once, and each way ends by itself', {
  skip: needs('linux'),
}, async t => {
  const way = paths(ownDirectory(t));
  const words = ['--listen', way.front, '--same-user', '--to', `unix:${way.behind}`, '--upstream-sees-guard'];
  const running = await guard(t, words);
  const { toServer, toClient } = await assertBothWays(t, way);
  const ended = await running.entry('ended');
  assert.deepEqual([ended.toServer, ended.toClient], [toServer, toClient]);
});

test('a server that reads nothing holds the client back, and the guard’s memory stays small', {
  skip: needs('linux'),
}, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, socket => socket.pause());
  const words = ['--listen', front, '--same-user', '--to', `unix:${behind}`, '--upstream-sees-guard'];
  await guard(t, words);
  const taken = await takenFrom(await connection(t, front));
  assert.ok(taken < 4 << 20, `${taken} bytes were taken though nobody reads them`);
});

test('a TCP server behind, and the client in a PROXY header', withOthers, async t => {
  const { front } = paths(ownDirectory(t));
  const told: unknown[] = [];
  const made = await server(t, { port: 0 }, async socket => {
    const bytes: Buffer = (await once(socket, 'data'))[0];
    told.push(bytes.subarray(0, 12).toString('latin1'));
    const length = 16 + bytes.readUInt16BE(14);
    told.push(bytes.subarray(16, length).toString('latin1'));
    socket.write(bytes.subarray(length));
    socket.pipe(socket);
  });
  const { port } = made.address() as AddressInfo;
  const words = ['--listen', front, '--mode', '0666', '--everyone', '--to', `tcp:127.0.0.1:${port}`];
  await guard(t, [...words, '--proxy-protocol', 'v2']);
  assert.equal(await ask(t, front, 'hello', USERS[0]), 'hello');
  assert.equal(told[0], '\r\n\r\n\0\r\nQUIT\n');
  assert.match(String(told[1]), /1;uid=3001;gid=5001;pid=\d+;groups="44 5001"/);
});

test(
  'a PROXY header is believed by who verifies the guard, whatever the client sends after it',
  withOthers,
  async t => {
    const { front, behind } = paths(ownDirectory(t));
    await server(t, behind, async socket => {
      const { forwarded } = await readProxyHeader(socket, { from: by => by.uid === 2345 });
      socket.write(`${forwarded?.peer.uid} by ${forwarded?.by.uid}\n`);
      socket.pipe(socket);
    });
    const words = ['--listen', front, '--mode', '0666', '--everyone', '--to', `unix:${behind}`];
    await guard(t, [...words, '--proxy-protocol', 'v2', '--run-as', '2345:2345']);
    const forged = '\r\n\r\n\0\r\nQUIT\n';
    assert.equal(await ask(t, front, 'x', USERS[2]), '3003 by 2345\nx');
    assert.equal(
      await ask(t, front, forged.replace('\0', '\x01'), USERS[0]),
      `3001 by 2345\n${forged.replace('\0', '\x01')}`,
    );
  },
);

test('descriptors pass where that is wanted, and else are closed', {
  skip: needs('linux', 'root', 'python3'),
}, async t => {
  const script = `
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
r, w = os.pipe()
socket.send_fds(s, [b'take this'], [w])
os.close(w)
s.shutdown(socket.SHUT_WR)
while s.recv(100): pass
say(os.read(r, 100).decode() or 'nothing')
`;
  const receiving = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o666); s.listen()
say('ready')
while True:
    c, _ = s.accept()
    data, fds, flags, _ = socket.recv_fds(c, 100, 4)
    for fd in fds:
        os.write(fd, b'written by the server: ' + data)
        os.close(fd)
    c.close()
`;
  const directory = ownDirectory(t);
  const { front, behind } = paths(directory);
  const receiver = python(t, receiving, { args: [behind] });
  await receiver.line();
  const words = ['--same-user', '--to', `unix:${behind}`, '--upstream-sees-guard'];
  await guard(t, ['--listen', front, ...words, '--pass-fds']);
  await guard(t, ['--listen', `${front}-without`, ...words]);
  assert.equal(await python(t, script, { args: [front] }).line(), 'written by the server: take this');
  assert.equal(await python(t, script, { args: [`${front}-without`] }).line(), 'nothing');
});

test('a server that is not there costs the connection, and is told', {
  skip: needs('linux', 'python3'),
}, async t => {
  const { front, behind } = paths(ownDirectory(t));
  const words = ['--listen', front, '--same-user', '--to', `unix:${behind}`, '--upstream-sees-guard'];
  const running = await guard(t, words);
  assert.equal(await ask(t, front, 'hello'), '');
  const { code, message, level } = await running.entry('unserved');
  assert.equal(code, 'ENOENT');
  assert.equal(level, 'warn');
  assert.match(message ?? '', /behind: cannot connect/);
  await server(t, behind, tellAndEcho);
  assert.match(await ask(t, front, 'hello'), /hello$/);
  rmSync(behind);
  assert.equal(await ask(t, front, 'hello'), '');
});

test('real clients come through: socat, nc and curl', {
  skip: needsOtherUsers('socat', 'nc', 'python3'),
}, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, tellAndEcho);
  await guard(t, ['--listen', front, '--mode', '0666', '--everyone', '--to', `unix:${behind}`, '--as-peer']);
  const commands = { socat: `socat -t5 - UNIX-CONNECT:${front}`, nc: `nc -N -U ${front}` };
  for (const [name, line] of Object.entries(commands)) {
    const script = `
import subprocess
say(subprocess.run(['/bin/sh', '-c', 'echo from ${name} | ${line}'], stdout=subprocess.PIPE, check=True).stdout.decode().split('\\n')[:2])
`;
    const said = await python(t, script, USERS[0]).line();
    assert.match(said, /"uid":3001/);
    assert.match(said, new RegExp(`from ${name}`));
  }
  assert.ok(existsSync(programPath('socat')));
});

test('SIGTERM waits for what is open, and for nothing new; a second signal does not wait', {
  skip: needs('linux', 'python3'),
}, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, tellAndEcho);
  const words = ['--listen', front, '--same-user', '--to', `unix:${behind}`, '--upstream-sees-guard'];
  const running = await guard(t, [...words, '--grace', '60']);
  const open = await connection(t, front, { allowHalfOpen: true });
  await once(open, 'data');
  running.child.kill('SIGTERM');
  await running.entry('stopping', ({ connections }) => connections === 1);
  assert.ok(!existsSync(front), 'nobody can connect any more');
  open.write('still here');
  assert.equal(String((await once(open, 'data'))[0]), 'still here');
  open.end();
  const { status } = await running.ended;
  assert.equal(status, 0);
  assert.equal(running.entries().at(-1)?.event, 'stopped');

  const again = await guard(t, [...words, '--grace', '60']);
  const held = await connection(t, front);
  await once(held, 'data');
  again.child.kill('SIGTERM');
  await again.entry('stopping');
  const cut = once(held, 'close');
  assert.equal((await end(again, 'SIGINT')).status, 0);
  await cut;
  assert.equal((await again.entry('ended')).reason, 'cut');
});

test('connections that are open at the end of the grace period are cut', {
  skip: needs('linux'),
}, async t => {
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, tellAndEcho);
  const words = ['--listen', front, '--same-user', '--to', `unix:${behind}`, '--upstream-sees-guard'];
  const running = await guard(t, [...words, '--grace', '0.2']);
  const open = await connection(t, front);
  await once(open, 'data');
  const cut = once(open, 'close');
  assert.equal((await end(running)).status, 0);
  await cut;
});

test('a guard in front of itself does not begin, whatever it calls itself', {
  skip: needs('linux'),
}, async t => {
  const { front } = paths(ownDirectory(t));
  const name = `@sockcred-itself-${process.pid}`;
  symlinkSync(front, `${front}-link`);
  const own = [
    [front, front],
    [front, `${front}-link`],
    [name, name],
  ] as const;
  for (const [listen, to] of own) {
    const words = ['--listen', listen, '--same-user', '--to', `unix:${to}`, '--upstream-sees-guard'];
    const { status, stderr } = await run(t, ['guard', ...words]);
    assert.equal(status, 2);
    assert.match(stderr, /this guard itself listens there/);
    assert.ok(!existsSync(front));
  }
});

for (const how of [[], ['--http'], ['--as-peer']]) {
  test(`nor does it talk to itself once what is behind leads to it: ${how}`, {
    skip: needs('linux', 'root', 'python3'),
  }, async t => {
    const { front, behind } = paths(ownDirectory(t));
    const knowing = how.includes('--as-peer') ? [] : ['--upstream-sees-guard'];
    const words = ['--listen', front, '--same-user', '--to', `unix:${behind}`, ...how, ...knowing];
    const running = await guard(t, words);
    symlinkSync(front, behind);
    if (how.includes('--http')) assert.equal((await askHttp(front)).status, 502);
    else assert.equal(await ask(t, front, 'x'), '');
    const { code, message } = await running.entry('failed');
    assert.deepEqual([code, message], ['ELOOP', 'this guard is in front of itself']);
    await end(running);
    const count = (wanted: string) => running.entries().filter(({ event }) => event === wanted).length;
    assert.deepEqual([count('admitted'), count('failed')], [1, 1]);
  });
}
