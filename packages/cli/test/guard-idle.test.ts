/** `--idle`: connections on which nothing comes are ended, and those on which something comes are not. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { needs } from '../../sockcred/build/support/requirements.js';
import { connection } from './support/clients.js';
import { ownDirectory } from './support/directories.js';
import { guard, paths, server } from './support/guards.js';

const skip = needs('linux');
const IDLE_MS = 1000;

async function idleGuard(t: TestContext, ...more: string[]) {
  const { front, behind } = paths(ownDirectory(t));
  const words = ['--listen', front, '--same-user', '--to', `unix:${behind}`, '--upstream-sees-guard'];
  const start = () => guard(t, [...words, '--idle', `${IDLE_MS / 1000}`, ...more]);
  return { front, behind, start };
}

/** Bytes of one side for longer than that: the connection has to be there still. */
async function keepsTalking(from: Socket, to: Socket): Promise<void> {
  const end = performance.now() + 2 * IDLE_MS;
  while (performance.now() < end) {
    const arrived = once(to, 'data');
    from.write('x');
    await arrived;
    await new Promise(done => setTimeout(done, IDLE_MS / 20));
  }
}

for (const more of [[], ['--pass-fds'], ['--proxy-protocol', 'v2']]) {
  test(`relayed: bytes of either side count, and none is the end: ${more}`, { skip }, async t => {
    const { front, behind, start } = await idleGuard(t, ...more);
    const theirs: Socket[] = [];
    await server(t, behind, socket => void theirs.push(socket));
    const running = await start();
    const client = await connection(t, front);
    while (theirs.length === 0) await new Promise(done => setTimeout(done, 5));
    const [other] = theirs as [Socket];
    other.resume();
    await keepsTalking(client, other);
    await keepsTalking(other, client);
    assert.equal(running.entries().filter(({ event }) => event === 'ended').length, 0);
    const closed = once(client, 'close');
    const { reason, errno } = await running.entry('ended');
    assert.deepEqual([reason, errno], ['limited', 'ETIMEDOUT']);
    await closed;
  });
}

test('a side that does not read for so long ends its connection', { skip }, async t => {
  const { front, behind, start } = await idleGuard(t);
  await server(t, behind, socket => socket.pause());
  const running = await start();
  const client = await connection(t, front);
  client.write(Buffer.alloc(10_000_000));
  assert.equal((await running.entry('ended')).reason, 'limited');
});

test('HTTP: in a request, in a slow answer, and in another protocol', { skip }, async t => {
  const { front, behind, start } = await idleGuard(t, '--http');
  const upgraded: Socket[] = [];
  const made = createServer((request, response) => {
    if (request.url === '/') response.end('fine');
  });
  made.on('upgrade', (_request, socket: Socket) => {
    upgraded.push(socket);
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello',
    );
  });
  made.listen(behind);
  await once(made, 'listening');
  t.after(() => {
    made.close();
    made.closeAllConnections();
    for (const socket of upgraded) socket.destroy();
  });
  const running = await start();
  const heads = {
    '/slow': '\r\n',
    '/upgrade': 'Connection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    '/unfinished': '',
  };
  for (const [url, rest] of Object.entries(heads)) {
    const client = await connection(t, front);
    client.resume();
    client.write(`GET ${url} HTTP/1.1\r\nHost: x\r\n${rest}`);
    const closed = once(client, 'close');
    if (url === '/upgrade') {
      while (upgraded.length === 0) await new Promise(done => setTimeout(done, 5));
      const [other] = upgraded as [Socket];
      other.resume();
      await keepsTalking(client, other);
      await keepsTalking(other, client);
    }
    await closed;
  }
  await running.entry('ended', ({ connection: number }) => number === 3);
  const ended = running.entries().filter(({ event }) => event === 'ended');
  assert.deepEqual(
    ended.map(({ reason }) => reason),
    ['limited', 'limited', 'limited'],
  );
});
