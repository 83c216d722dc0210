/** admit(): a server that listens itself, and hears of nobody who is refused. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { PeerError, PeerTypeError } from 'sockcred';
import { admit, peerOf } from 'sockcred/gate';
import { openDirectory } from './support/directories.js';
import { dial, everything, greet, TALK } from './support/gated.js';
import { connectScript, python } from './support/peers.js';
import { needs, runtime } from './support/requirements.js';
import { until } from './support/waiting.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };
const unsupported = (error: unknown) => error instanceof PeerError && error.code === 'ERR_PEER_UNSUPPORTED';

test('admit(): no listener of the server hears of who is refused', asRoot, async t => {
  const path = `${openDirectory(t)}/s`;
  const seen: (number | undefined)[] = [];
  const server = createServer();
  server.prependListener('connection', (socket: Socket) => seen.push(peerOf(socket).uid));
  server.on('connection', greet);
  const admitting = admit(server, { authorize: peer => peer.uid === 1234 });
  assert.throws(() => admit(server, { authorize: () => true }), PeerTypeError);
  server.listen({ path, writableAll: true });
  t.after(() => server.close());
  await once(server, 'listening');
  assert.equal(await everything(await dial(t, path)), '');
  const stranger = python(t, connectScript(TALK), { uid: 1234, gid: 1234, args: [path] });
  assert.equal(await stranger.line(), 'got hello 1234');
  assert.deepEqual(seen, [1234]);
  stranger.tell('go');
  await until(() => admitting.connections === 0);
});

test('admit(): a server whose sockets nobody can ask about is refused at once', {
  skip: runtime() !== 'bun' && 'is about Bun',
}, () => {
  for (const server of [createHttpServer(), createHttpsServer()]) {
    assert.throws(() => admit(server, { authorize: () => true }), unsupported);
  }
});

test('a TCP connection to an admitting server is refused', async t => {
  const server = createServer(greet);
  admit(server, { authorize: () => true });
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connect(port, '127.0.0.1').on('error', () => {});
  assert.equal(await everything(client), '');
});
