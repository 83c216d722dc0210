/** TLS over a gated socket: the peer is that of the socket below, for node:tls, node:https and HTTP/2 over TLS. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import { createServer as createHttpsServer, request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { peerOf } from 'sockcred/gate';
import { everything, openGate, ownDirectory } from './support/gated.js';
import { needs } from './support/requirements.js';

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

test('node:https and HTTP/2 over TLS', asAnyone, async t => {
  const keys = certificate(t);
  const https = createHttpsServer(keys, (incoming, response) => response.end(`uid ${peerOf(incoming).uid}`));
  const first = await openGate(t, https);
  const outgoing = request({ socketPath: first.path, agent: false, ...trusting }).end();
  const [response] = await once(outgoing, 'response');
  assert.equal(String((await response.toArray())[0]), `uid ${own}`);

  const http2 = createSecureServer(keys, (incoming, answer) => {
    answer.end(`uid ${peerOf(incoming).uid}`);
  });
  const second = await openGate(t, http2);
  const session = connectHttp2('https://localhost', {
    createConnection: () => connectTls({ path: second.path, ALPNProtocols: ['h2'], ...trusting }),
  });
  t.after(() => session.destroy());
  const stream = session.request({ ':path': '/' }).setEncoding('utf8');
  let body = '';
  for await (const part of stream) body += part;
  assert.equal(body, `uid ${own}`);
});

test('bytes that are no TLS cost their own connection only', asAnyone, async t => {
  const server = createTlsServer(certificate(t), (socket: Socket) => socket.end('fine'));
  const { path } = await openGate(t, server);
  const hostile = connect(path).on('error', () => {});
  hostile.write('\x16\x03\x01\xff\xff nonsense\r\n\r\n');
  await everything(hostile);
  assert.equal(await everything(connectTls({ path, ...trusting })), 'fine');
});
