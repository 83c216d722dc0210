/** How many, how fast, how long: and that a limit costs the connection that ran into it, and no other. */

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { ownDirectory } from './support/directories.js';
import { heard } from './support/gate-events.js';
import { dial, everything, get, openGate } from './support/gated.js';
import { connectScript, python } from './support/peers.js';
import { imported, startProgram } from './support/programs.js';
import { needs, runtime } from './support/requirements.js';
import { until } from './support/waiting.js';

const asAnyone = { skip: needs('linux') };
const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };

/** Says that the connection is in, and keeps it. */
const hold = (socket: Socket) => socket.resume().write('in');

async function isIn(socket: Socket): Promise<boolean> {
  if (socket.closed) return false;
  const [data] = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  return String(data) === 'in';
}

const ASK = `
s.settimeout(20)
try:
    text = s.recv(100).decode()
    say(text if text else 'cut')
except ConnectionError:
    say('cut')
`;

test(
  'connections: one more than the most is closed, and its place is free again when one ends',
  asAnyone,
  async t => {
    const { gate, path } = await openGate(t, hold, { limits: { connections: 2 } });
    const first = await dial(t, path);
    assert.ok((await isIn(first)) && (await isIn(await dial(t, path))));
    assert.equal(await isIn(await dial(t, path)), false);
    first.destroy();
    await until(() => gate.connections === 1);
    assert.ok(await isIn(await dial(t, path)));
  },
);

test('connectionsPerUid: one user cannot take the places of another', asRoot, async t => {
  const { path } = await openGate(t, hold, { limits: { connectionsPerUid: 2 } });
  assert.ok((await isIn(await dial(t, path))) && (await isIn(await dial(t, path))));
  assert.equal(await isIn(await dial(t, path)), false);
  const other = python(t, connectScript(ASK), { uid: 1234, gid: 1234, args: [path] });
  assert.equal(await other.line(), 'in');
});

test('a peer that is refused gives its place back', asAnyone, async t => {
  let welcome = false;
  const { path } = await openGate(t, hold, { authorize: () => welcome, limits: { connections: 1 } });
  for (let index = 0; index < 5; index++) assert.equal(await isIn(await dial(t, path)), false);
  welcome = true;
  for (;;) if (await isIn(await dial(t, path))) break;
});

test('acceptsPerUid: one user may come only so often, another still may', asRoot, async t => {
  const limits = { acceptsPerUid: { count: 3, seconds: 3600 } };
  const { path } = await openGate(t, hold, { limits });
  const results: boolean[] = [];
  for (let index = 0; index < 5; index++) results.push(await isIn(await dial(t, path)));
  assert.deepEqual(results, [true, true, true, false, false]);
  const other = python(t, connectScript(ASK), { uid: 1234, gid: 1234, args: [path] });
  assert.equal(await other.line(), 'in');
});

test('acceptsPerUid: with time it may come again', asAnyone, async t => {
  const { path } = await openGate(t, hold, { limits: { acceptsPerUid: { count: 1, seconds: 0.05 } } });
  assert.ok(await isIn(await dial(t, path)));
  for (;;) {
    if (await isIn(await dial(t, path))) break;
    await new Promise(done => setTimeout(done, 20));
  }
});

test('firstByteMs: who says nothing is cut, who has said something is not', asAnyone, async t => {
  const { path } = await openGate(t, (socket: Socket) => socket.resume(), { limits: { firstByteMs: 200 } });
  const speaking = await dial(t, path);
  speaking.write('x');
  const silent = await dial(t, path);
  assert.equal(await everything(silent), '');
  assert.equal(speaking.destroyed, false);
  speaking.write('y');
  assert.equal(speaking.closed, false);
});

test('firstByteMs: bytes that node:http has read count', asAnyone, async t => {
  const http = createHttpServer((_request, response) => {
    setTimeout(() => response.end('late'), 400);
  });
  const { path } = await openGate(t, http, { limits: { firstByteMs: 200 } });
  assert.equal((await get(path)).body, 'late');
  assert.equal(await everything(await dial(t, path)), '', 'and none are missed where there are none');
});

/** Serves sockets of its parent. */
const CHILD = `
process.on('message', (_message, socket) => {
  socket.on('error', () => {}).resume().end('in');
});
`;

for (const when of ['at once', 'later'] as const) {
  test(`a connection whose socket is sent to another process ${when} keeps nobody's place`, {
    skip: asAnyone.skip || (runtime() !== 'node' && 'needs child.send() of sockets'),
  }, async t => {
    const events = heard(t, `sent ${when}`);
    const file = `${ownDirectory(t)}/child.cjs`;
    writeFileSync(file, CHILD);
    const child = fork(file);
    t.after(() => child.kill());
    const send = (socket: Socket) => void child.send('a socket', socket);
    const target = when === 'at once' ? send : (socket: Socket) => void setTimeout(send, 10, socket);
    const limits = { connectionsPerUid: 1, firstByteMs: 50 };
    const { gate, path } = await openGate(t, target, { limits, name: `sent ${when}` });
    for (let index = 0; index < 3; index++) {
      assert.ok(await isIn(await dial(t, path)));
      await until(() => gate.connections === 0);
    }
    assert.deepEqual(
      events.ended.map(({ reason }) => reason),
      ['closed', 'closed', 'closed'],
    );
    assert.equal(events.limited.length, 0);
    await gate.close({ graceMs: 0x7fffffff });
  });
}

/** A gate in a process with few descriptors. */
const SMALL = `
import { createGate } from ${imported('sockcred/gate')};
const gate = createGate({ authorize: () => true }).handTo(socket => socket.resume().write('in'));
await gate.listen(process.argv[2]);
console.log('listening');
`;

test(
  'with its descriptors used up a gate refuses, keeps some for itself, and recovers',
  asAnyone,
  async t => {
    const path = `${ownDirectory(t)}/s`;
    const child = startProgram(t, SMALL, [path], { mostFds: 64 });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'listening');
    for (let round = 0; round < 3; round++) {
      const sockets = await Promise.all(Array.from({ length: 100 }, () => dial(t, path)));
      const results = await Promise.all(sockets.map(isIn));
      const admitted = results.filter(result => result).length;
      assert.ok(admitted > 0 && admitted < 48, `${admitted} of 100 in round ${round}`);
      for (const socket of sockets) socket.destroy();
      for (;;) {
        const again = await dial(t, path);
        const wasIn = await isIn(again);
        again.destroy();
        if (wasIn) break;
      }
    }
    assert.equal(child.exitCode, null);
  },
);

test('peers that come and go at once, in the middle of anything, cost nobody else', asAnyone, async t => {
  const http = createHttpServer((_request, response) => response.end('fine'));
  const { gate, path } = await openGate(t, http);
  const hostile = [
    '',
    'G',
    'GET / HTTP/1.1\r\n',
    '\x16\x03\x01\x02',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\0'.repeat(9000),
  ];
  const storm = Array.from({ length: 200 }, async (_, index) => {
    const socket = connect(path).on('error', () => {});
    await once(socket, 'connect');
    socket.write(hostile[index % hostile.length] ?? '');
    if (index % 2 === 0) socket.destroy();
    else socket.resume().end();
  });
  const calm = Array.from({ length: 20 }, () => get(path));
  for (const { body } of await Promise.all(calm)) assert.equal(body, 'fine');
  await Promise.allSettled(storm);
  assert.equal((await get(path)).body, 'fine');
  await until(() => gate.connections === 0);
});

test('a backlog of closed peers is worked off', asAnyone, async t => {
  const { gate, path } = await openGate(t, createServer(hold));
  const sockets = Array.from({ length: 300 }, () => connect(path).on('error', () => {}));
  for (const socket of sockets) socket.destroy();
  assert.ok(await isIn(await dial(t, path)));
  await until(() => gate.connections === 1);
});
