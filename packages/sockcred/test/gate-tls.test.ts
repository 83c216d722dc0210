/** TLS over a gated socket: the peer is that of the socket below, for node:tls, node:https and HTTP/2 over TLS. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { connect as connectHttp2, createSecureServer, type Http2ServerRequest } from 'node:http2';
import { createServer as createHttpsServer, request } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { PeerError } from 'sockcred';
import { createGate, peerOf } from 'sockcred/gate';
import { ownDirectory } from './support/directories.js';
import { everything, openGate } from './support/gated.js';
import { needs, runtime } from './support/requirements.js';

const asAnyone = { skip: needs('linux', 'openssl') };
const own = process.geteuid?.();

function certificate(t: TestContext): { key: Buffer; cert: Buffer } {
  const directory = ownDirectory(t);
  const [key, cert] = [`${directory}/key`, `${directory}/cert`];
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2`;
  const { status, stderr } = spawnSync('/usr/bin/openssl', [
    ...words.split(' '),
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  assert.equal(status, 0, String(stderr));
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

const trusting = { rejectUnauthorized: false, servername: 'localhost' };

test('node:tls: while it is open, and after it has closed', asAnyone, async t => {
  const sockets: TLSSocket[] = [];
  const server = createTlsServer(certificate(t), (socket: TLSSocket) => {
    sockets.push(socket);
    socket.end(`uid ${peerOf(socket).uid}`);
  });
  const { path } = await openGate(t, server);
  const client = connectTls({ path, ...trusting });
  assert.equal(await everything(client), `uid ${own}`);
  const [socket] = sockets as [TLSSocket];
  if (!socket.closed) await once(socket, 'close');
  assert.equal(peerOf(socket).uid, own);
});

/** What a server of HTTPS at this path says. */
async function getOverTls(path: string): Promise<string> {
  const outgoing = request({ socketPath: path, agent: false, ...trusting }).end();
  const [response] = await once(outgoing, 'response');
  return String((await response.toArray())[0]);
}

const greet = (incoming: IncomingMessage | Http2ServerRequest) => `uid ${peerOf(incoming).uid}`;

test('node:https', {
  skip:
    asAnyone.skip || (runtime() === 'bun' && 'Bun reads plain HTTP from a socket that node:https is handed'),
}, async t => {
  const https = createHttpsServer(certificate(t), (incoming, response) => response.end(greet(incoming)));
  const { path } = await openGate(t, https);
  assert.equal(await getOverTls(path), `uid ${own}`);
});

test('node:http behind node:tls', asAnyone, async t => {
  const http = createHttpServer((incoming, response) => response.end(greet(incoming)));
  const tls = createTlsServer(certificate(t), socket => void http.emit('connection', socket));
  const { path } = await openGate(t, tls);
  assert.equal(await getOverTls(path), `uid ${own}`);
});

test('node:https where it would read plain HTTP is refused at once', {
  skip: runtime() !== 'bun' && 'is about Bun',
}, t => {
  const https = createHttpsServer(certificate(t));
  const unsupported = (error: unknown) => error instanceof PeerError && error.code === 'ERR_PEER_UNSUPPORTED';
  const options = { authorize: () => true };
  assert.throws(() => createGate(options).handTo(https), unsupported);
  assert.throws(() => createGate({ ...options, refuse: { handTo: https } }), unsupported);
});

test('HTTP/2 over TLS', asAnyone, async t => {
  const http2 = createSecureServer(certificate(t), (incoming, answer) => void answer.end(greet(incoming)));
  const { path } = await openGate(t, http2);
  const session = connectHttp2('https://localhost', {
    createConnection: () => connectTls({ path, ALPNProtocols: ['h2'], ...trusting }),
  });
  t.after(() => session.destroy());
  const stream = session.request({ ':path': '/' }).setEncoding('utf8');
  let body = '';
  for await (const part of stream) body += part;
  assert.equal(body, `uid ${own}`);
});

test(
  'T73: a socket that has carried TLS and connects somewhere else was not let in there',
  asAnyone,
  async t => {
    const elsewhere = createServer().listen(`${ownDirectory(t)}/elsewhere`);
    t.after(() => elsewhere.close());
    await once(elsewhere, 'listening');
    const raw: Socket[] = [];
    const server = createTlsServer(certificate(t), socket => void socket.end(`uid ${peerOf(socket).uid}`));
    const { path } = await openGate(t, (socket: Socket) => {
      raw.push(socket);
      server.emit('connection', socket);
    });
    assert.equal(await everything(connectTls({ path, ...trusting })), `uid ${own}`);
    const [socket] = raw as [Socket];
    t.after(() => socket.destroy());
    if (!socket.closed) await once(socket, 'close');
    assert.equal(peerOf(socket).uid, own, 'after the close');
    socket.connect(String(elsewhere.address()));
    await once(socket, 'connect');
    assert.throws(() => peerOf(socket), PeerError);
  },
);

test('bytes that are no TLS cost their own connection only', asAnyone, async t => {
  const server = createTlsServer(certificate(t), (socket: Socket) => socket.end('fine'));
  const { path } = await openGate(t, server);
  const hostile = connect(path).on('error', () => {});
  hostile.write('\x16\x03\x01\xff\xff nonsense\r\n\r\n');
  await everything(hostile);
  assert.equal(await everything(connectTls({ path, ...trusting })), 'fine');
});
