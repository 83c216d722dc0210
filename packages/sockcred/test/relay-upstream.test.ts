/** Connections to the server behind, as bare descriptors: by whose ids, how long they are waited for, and what goes first. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { listenAt, type PeerCredentials, PeerError, PeerTypeError, peerCredentials } from 'sockcred';
import { closeDescriptor, connectUpstream, relay, sendFirst } from 'sockcred/relay';
import { madeUpPeer } from 'sockcred/testing';
import { connectInTurn } from '../dist/relaying/backlog.js';
import { acceptSocket, socketPair } from '../dist/sys/message-socket.js';
import { listeningSocket } from '../dist/sys/unix-socket.js';
import { openDirectory } from './support/directories.js';
import { openServer } from './support/peers.js';
import { needs, runtime } from './support/requirements.js';
import { until } from './support/waiting.js';

const skip = needs('linux', 'sockets-from-fds');
/** Deno shows no descriptor of a TCP socket. */
const skipTcp = skip || (runtime() === 'deno' && 'needs a runtime that shows the descriptors of TCP sockets');

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function socketOver(t: TestContext, fd: number): Socket {
  const socket = new Socket({ fd, readable: true, writable: true });
  t.after(() => socket.destroy());
  return socket;
}

const withErrno = (errno: string) => (error: unknown) =>
  error instanceof PeerError && error.code === 'ERR_UPSTREAM_CONNECT' && error.errno === errno;

test('a path, an abstract name and a TCP port are connected to', { skip: skipTcp }, async t => {
  const path = join(openDirectory(t), 's');
  const serve = (socket: Socket) => socket.end('hello');
  const listening = [
    await listenAt(createServer(serve), path),
    await listenAt(createServer(serve), `@sockcred-upstream-${process.pid}`),
  ];
  const tcp = createServer(serve).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  t.after(async () => {
    for (const each of listening) await each.close();
    tcp.close();
  });
  const { port } = tcp.address() as { port: number };
  const places = [
    { path },
    { path: `@sockcred-upstream-${process.pid}` },
    { host: '127.0.0.1', port },
    { host: 'localhost', port },
  ];
  for (const to of places) {
    const socket = socketOver(t, await connectUpstream(to));
    assert.equal(String((await once(socket, 'data'))[0]), 'hello');
  }
});

test('what is sent to a TCP connection before its descriptor is used is not lost', {
  skip: skipTcp,
}, async t => {
  const tcp = createServer(socket => socket.end('first words')).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  t.after(() => tcp.close());
  const { port } = tcp.address() as { port: number };
  for (let round = 0; round < 20; round++) {
    const fd = await connectUpstream({ host: '127.0.0.1', port });
    if (round % 2 === 0) await new Promise(done => setTimeout(done, 2));
    const socket = socketOver(t, fd);
    assert.equal(String((await once(socket, 'data'))[0]), 'first words');
  }
});

test('a TCP connection whose descriptor is hidden is refused', {
  skip: runtime() !== 'deno' && 'is about Deno',
}, async t => {
  const tcp = createServer(socket => socket.resume()).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  t.after(() => tcp.close());
  const { port } = tcp.address() as { port: number };
  await assert.rejects(
    connectUpstream({ host: '127.0.0.1', port }),
    (error: unknown) => error instanceof PeerError && error.code === 'ERR_PEER_UNSUPPORTED',
  );
});

test('who is not there is told by errno, and leaves nothing open', { skip }, async t => {
  const directory = openDirectory(t);
  const tcp = createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as { port: number };
  tcp.close();
  await once(tcp, 'close');
  const before = descriptors();
  await assert.rejects(connectUpstream({ path: join(directory, 'none') }), withErrno('ENOENT'));
  await assert.rejects(connectUpstream({ host: '127.0.0.1', port }), withErrno('ECONNREFUSED'));
  for (const wrong of [{ path: '' }, { host: 'x', port: 0 }, { host: 1 as never, port: 1 }]) {
    await assert.rejects(connectUpstream(wrong), PeerTypeError);
  }
  const signal = AbortSignal.abort(new Error('enough'));
  await assert.rejects(connectUpstream({ host: '127.0.0.1', port }, { signal }), /enough/);
  await until(() => descriptors() <= before);
});

/** A listener whose backlog is full. */
async function fullListener(t: TestContext) {
  const path = join(openDirectory(t), 's');
  const made = listeningSocket({ kind: 'path', path }, 0o600, 1);
  assert.ok('fd' in made);
  t.after(() => closeDescriptor(made.fd));
  const waiting: number[] = [];
  t.after(() => waiting.forEach(closeDescriptor));
  for (;;) {
    try {
      waiting.push(await connectUpstream({ path }, { timeoutMs: 0 }));
    } catch (error) {
      assert.ok(withErrno('EAGAIN')(error));
      return { path, fd: made.fd };
    }
  }
}

test('a full backlog is waited for, without holding anybody else up', { skip }, async t => {
  const { path, fd } = await fullListener(t);
  let connected = false;
  const connecting = connectUpstream({ path }).then(upstream => {
    connected = true;
    return upstream;
  });
  for (let turn = 0; turn < 10; turn++) await new Promise(done => setTimeout(done, 2));
  assert.equal(connected, false);
  const accepted = acceptSocket(fd);
  assert.ok('fd' in accepted);
  closeDescriptor(accepted.fd);
  closeDescriptor(await connecting);
});

test('those who wait come in one after the other, as they came, and one of them asks for all', {
  skip,
}, async t => {
  const { path, fd } = await fullListener(t);
  const came: number[] = [];
  const connecting = Array.from({ length: 200 }, (_, index) =>
    connectUpstream({ path }, { timeoutMs: 600_000 }).then(upstream => {
      came.push(index);
      closeDescriptor(upstream);
    }),
  );
  const late = connectUpstream({ path }, { timeoutMs: 20 });
  await assert.rejects(late, withErrno('EAGAIN'));
  const accepting = setInterval(() => {
    const accepted = acceptSocket(fd);
    if ('fd' in accepted) closeDescriptor(accepted.fd);
  }, 1);
  await Promise.all(connecting);
  clearInterval(accepting);
  assert.deepEqual(
    came,
    Array.from({ length: 200 }, (_, index) => index),
  );
});

test('while nobody comes in, only the first asks', { skip }, async () => {
  const asked = Array.from({ length: 50 }, () => 0);
  const end = performance.now() + 200;
  const made = await Promise.all(
    asked.map((_, index) => {
      const attempt = () => {
        asked[index] = (asked[index] ?? 0) + 1;
        return { refused: { kind: 'refused', errno: 'EAGAIN' } } as const;
      };
      return connectInTurn('/full', { attempt, end, signal: undefined });
    }),
  );
  assert.ok(made.every(one => 'refused' in one && one.refused.errno === 'EAGAIN'));
  const [first = 0, ...others] = asked;
  assert.ok(first >= 1, `${first} times`);
  assert.ok(others.every(times => times === 0));
});

test('until the time is over, or somebody has enough', { skip }, async t => {
  const { path } = await fullListener(t);
  const before = descriptors();
  await assert.rejects(connectUpstream({ path }, { timeoutMs: 20 }), withErrno('EAGAIN'));
  const abort = new AbortController();
  const connecting = connectUpstream({ path }, { signal: abort.signal });
  setTimeout(() => abort.abort(new Error('enough')), 20);
  await assert.rejects(connecting, /enough/);
  await until(() => descriptors() <= before);
});

test('as a peer: the server is told its ids; with one of them unknown nobody is connected', {
  skip: needs('linux', 'root'),
}, async t => {
  const path = join(openDirectory(t), 's');
  const { server, next } = await openServer(t, path);
  let connections = 0;
  server.on('connection', () => connections++);
  const peer = madeUpPeer({ uid: 1234, gid: 55, groups: [55, 70] }) as PeerCredentials;
  const fd = await connectUpstream({ path }, { as: peer });
  t.after(() => closeDescriptor(fd));
  const seen = peerCredentials(await next());
  assert.deepEqual([seen.uid, seen.gid, seen.groups], [1234, 55, [55, 70]]);
  for (const missing of ['uid', 'gid', 'groups'] as const) {
    const { [missing]: _, ...rest } = peer;
    await assert.rejects(
      connectUpstream({ path }, { as: rest as PeerCredentials }),
      (error: PeerError) => error.code === 'ERR_UPSTREAM_IDENTITY' && error.message.includes(missing),
    );
  }
  await assert.rejects(connectUpstream({ host: '127.0.0.1', port: 1 }, { as: peer }), PeerTypeError);
  assert.equal(connections, 1);
});

test('sendFirst() sends everything, also what the socket does not take at once', { skip }, async t => {
  const made = socketPair(0);
  assert.ok('fds' in made);
  const [near, far] = made.fds;
  const bytes = Buffer.alloc(3_000_000, 'abcdefg');
  const sending = sendFirst(near, bytes);
  await new Promise(done => setTimeout(done, 5));
  const socket = socketOver(t, far);
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of socket) {
    parts.push(part as Buffer);
    length += (part as Buffer).length;
    if (length === bytes.length) break;
  }
  await sending;
  assert.ok(Buffer.concat(parts).equals(bytes));
  closeDescriptor(near);
});

test('sendFirst() ends where the other side has gone, or somebody has enough', { skip }, async () => {
  const made = socketPair(0);
  assert.ok('fds' in made);
  const [near, far] = made.fds;
  const abort = new AbortController();
  const sending = sendFirst(near, Buffer.alloc(3_000_000), { signal: abort.signal });
  setTimeout(() => abort.abort(new Error('enough')), 5);
  await assert.rejects(sending, /enough/);
  const again = sendFirst(near, Buffer.alloc(3_000_000));
  closeDescriptor(far);
  await assert.rejects(again, (error: PeerError) => error.errno === 'EPIPE' || error.errno === 'ECONNRESET');
  closeDescriptor(near);
});

test('both descriptors are gone where nothing can be relayed', { skip }, () => {
  const made = socketPair(0);
  assert.ok('fds' in made);
  const [near, far] = made.fds;
  assert.throws(() => relay(near, -1), { code: 'ERR_PEER_SYSTEM' });
  assert.throws(() => closeDescriptor(near), { errno: 'EBADF' });
  closeDescriptor(far);
});
