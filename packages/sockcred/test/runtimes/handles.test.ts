/**
 * What the library touches of a runtime's insides, object by object: where a
 * descriptor is shown, where it is hidden, and the way round. A runtime that
 * changes any of it fails here first.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, request, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Session, connect as http2Connect } from 'node:http2';
import { connect, createServer, Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { PeerError, type PeerSource, peerCredentials } from 'sockcred';
import { openDirectory } from '../support/directories.js';
import { needs, runtime } from '../support/requirements.js';

const skip = needs('linux');

/** What a source is in this runtime. */
type Shown = 'asked' | 'hidden';

function isOurselves(source: PeerSource): void {
  const peer = peerCredentials(source);
  assert.equal(peer.pid, process.pid);
  assert.equal(peer.uid, process.geteuid?.());
}

/** A typed error that names the way round, and never an answer. */
function isHidden(source: unknown): void {
  assert.throws(
    () => peerCredentials(source as PeerSource),
    (error: unknown) =>
      error instanceof PeerError &&
      error.code === 'ERR_PEER_HIDDEN_DESCRIPTOR' &&
      /net\.createServer.*emit\('connection', socket\)/.test(error.message),
  );
}

function is(shown: Shown, source: PeerSource): void {
  if (shown === 'asked') isOurselves(source);
  else isHidden(source);
}

/** One request over a Unix socket: what the server makes of it, and the answer's source on the client's side. */
async function exchange(path: string): Promise<{ response: IncomingMessage; body: string }> {
  const [response] = (await once(request({ socketPath: path, agent: false }).end(), 'response')) as [
    IncomingMessage,
  ];
  let body = '';
  response.setEncoding('utf8').on('data', text => {
    body += text;
  });
  await once(response, 'end');
  return { response, body };
}

/** Answers each request with what a check of it threw, or `fine`. */
function checking(check: (incoming: IncomingMessage) => void): Server {
  return createHttpServer((incoming, response) => {
    try {
      check(incoming);
      response.end('fine');
    } catch (error) {
      response.end(String(error));
    }
  });
}

async function listening(t: TestContext, server: Server, path: string): Promise<void> {
  t.after(() => server.close());
  server.listen(path);
  await once(server, 'listening');
}

test('a net.Socket has a handle while it is connected, and the handle shows a descriptor', {
  skip,
}, async t => {
  const path = join(openDirectory(t), 's');
  const server = createServer().listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect(path);
  await once(client, 'connect');
  const [socket] = await accepted;
  for (const end of [socket, client]) {
    const { _handle } = end as unknown as { _handle: { fd: number } };
    assert.ok(Number.isInteger(_handle.fd) && _handle.fd > 2);
    assert.equal(peerCredentials(_handle.fd).pid, process.pid);
    isOurselves(end);
  }
  const before = (client as unknown as { _handle: object })._handle;
  client.destroy();
  socket.destroy();
  await once(client, 'close');
  assert.equal((client as unknown as { _handle: object | null })._handle, null);
  isOurselves(client);
  client.connect(path);
  await once(client, 'connect');
  assert.notEqual((client as unknown as { _handle: object })._handle, before, 'a connection, a handle');
  client.destroy();
});

test('a socket that never connected, or is closed, has nobody at the other end: that is not hidden', {
  skip,
}, async () => {
  const socket = new Socket();
  assert.throws(() => peerCredentials(socket), { code: 'ERR_PEER_CLOSED' });
  socket.destroy();
  await once(socket, 'close');
  assert.throws(() => peerCredentials(socket), { code: 'ERR_PEER_CLOSED' });
});

test('a request of node:http leads to its connection, but not in Bun', { skip }, async t => {
  const shown: Shown = runtime() === 'bun' ? 'hidden' : 'asked';
  const path = join(openDirectory(t), 's');
  const server = checking(incoming => {
    is(shown, incoming);
    is(shown, incoming.socket);
  });
  await listening(t, server, path);
  const { response, body } = await exchange(path);
  assert.equal(body, 'fine');
  assert.equal(response.statusCode, 200);
});

test('the way round: accepted by net.createServer, asked, handed to node:http', { skip }, async t => {
  const path = join(openDirectory(t), 's');
  const http = checking(incoming => isOurselves(incoming));
  const server = createServer(socket => {
    isOurselves(socket);
    http.emit('connection', socket);
  }).listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  assert.equal((await exchange(path)).body, 'fine');
});

test('an HTTP/2 session leads to its connection', { skip }, async t => {
  const path = join(openDirectory(t), 's');
  const server = createHttp2Server();
  server.on('stream', stream => {
    stream.respond({ ':status': 200 });
    stream.end();
  });
  const connection = once(server, 'connection') as Promise<[Socket]>;
  const session = once(server, 'session') as Promise<[Http2Session]>;
  server.listen(path);
  await once(server, 'listening');
  t.after(() => server.close());
  const client = http2Connect('http://localhost', { createConnection: () => connect(path) });
  t.after(() => client.destroy());
  isOurselves((await connection)[0]);
  isOurselves((await session)[0].socket as Socket);
});

/** A key and a certificate that nobody else trusts. */
function certificate(directory: string): { key: Buffer; cert: Buffer } {
  const key = join(directory, 'key.pem');
  const cert = join(directory, 'cert.pem');
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const { status, stderr } = spawnSync(
    '/usr/bin/openssl',
    [...words, '-subj', '/CN=localhost', '-days', '2', '-keyout', key, '-out', cert],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

test('a TLS socket leads to the socket under it, on both sides', {
  skip: needs('linux', 'openssl'),
}, async t => {
  const directory = openDirectory(t);
  const path = join(directory, 's');
  const { key, cert } = certificate(directory);
  const server = createTlsServer({ key, cert }).listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const client = tlsConnect({ path, ca: cert, servername: 'localhost' });
  t.after(() => client.destroy());
  const [accepted] = (await once(server, 'secureConnection')) as [TLSSocket];
  t.after(() => accepted.destroy());
  isOurselves(accepted);
  isOurselves(client);
});

interface RuntimeServer {
  stop?(force: boolean): unknown;
  shutdown?(): Promise<void>;
}

interface ServingRuntimes {
  readonly Bun?: {
    serve(options: { unix: string; fetch(request: Request): Response }): RuntimeServer;
    listen(options: { unix: string; socket: object }): RuntimeServer;
  };
  readonly Deno?: {
    serve(
      options: { path: string; onListen(): void },
      handler: (request: Request) => Response,
    ): RuntimeServer;
    listen(options: { transport: 'unix'; path: string }): { accept(): Promise<object>; close(): void };
  };
}

test("the runtime's own HTTP server shows no connection, and says the way round", {
  skip: runtime() === 'node' ? 'Node has no other server than node:http' : skip,
}, async t => {
  const path = join(openDirectory(t), 's');
  const { Bun, Deno } = globalThis as unknown as ServingRuntimes;
  const answer = (incoming: Request) => {
    try {
      isHidden(incoming);
      return new Response('fine');
    } catch (error) {
      return new Response(String(error));
    }
  };
  const server = Bun?.serve({ unix: path, fetch: answer }) ?? Deno?.serve({ path, onListen() {} }, answer);
  t.after(() => server?.stop?.(true) ?? server?.shutdown?.());
  assert.equal((await exchange(path)).body, 'fine');
});

test('Deno.listen hides the descriptor; the socket of Bun.listen shows its number', {
  skip: runtime() === 'node' ? 'Node has no other server than node:net' : skip,
}, async t => {
  const path = join(openDirectory(t), 's');
  const { Bun, Deno } = globalThis as unknown as ServingRuntimes;
  if (Deno !== undefined) {
    const server = Deno.listen({ transport: 'unix', path });
    const client = connect(path);
    const socket = (await server.accept()) as { close(): void };
    isHidden(socket);
    socket.close();
    server.close();
    client.destroy();
    return;
  }
  const told = new Promise<number>((settle, failed) => {
    const open = (socket: { fd: number; end(): void }) => {
      try {
        settle(peerCredentials(socket.fd, { side: 'accepted' }).pid ?? -1);
      } catch (error) {
        failed(error);
      }
      socket.end();
    };
    const server = Bun?.listen({ unix: path, socket: { open, data() {} } });
    t.after(() => server?.stop?.(true));
  });
  const client = connect(path).resume();
  t.after(() => client.destroy());
  assert.equal(await told, process.pid);
});
