/** One header of the guard, and a true one: as node:http, CGI programs and nginx understand what reaches them. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { isForwardedName } from 'sockcred/forwarding';
import { ownDirectory } from '../../sockcred/build/support/directories.js';
import { nginx } from '../../sockcred/build/support/nginx.js';
import { start } from '../../sockcred/build/support/peers.js';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { CLEANED, LINES, TRUTH } from './support/hostile-requests.js';
import { exchangeBytes, listening, openFront } from './support/http-fronts.js';

const asAnyone = { skip: needs('linux', 'node') };

/** A server of node:http that keeps what it understood. */
async function nodeServer(t: TestContext) {
  const requests: { readonly headers: string[]; readonly trailers: string[]; readonly url: string }[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    request.resume().on('end', () => {
      const { rawHeaders: headers, rawTrailers: trailers, url = '' } = request;
      requests.push({ headers, trailers, url });
      response.end('ok');
    });
  });
  return { to: await listening(t, server), requests };
}

function assertUnderstood(
  { headers, trailers }: { headers: string[]; trailers: string[] },
  what: string,
): void {
  const ours = headers.flatMap((name, index) =>
    index % 2 === 0 && isForwardedName(name) ? [[name, headers[index + 1] ?? ''] as const] : [],
  );
  assert.equal(ours.length, 1, what);
  assert.equal(ours[0]?.[0], 'Sockcred-Peer', what);
  assert.match(ours[0]?.[1] ?? '', TRUTH, what);
  assert.ok(!trailers.some((name, index) => index % 2 === 0 && isForwardedName(name)), what);
}

test(
  'hostile first bytes crash nothing, and no request gets through without our header',
  asAnyone,
  async t => {
    const { to, requests } = await nodeServer(t);
    const path = await openFront(t, to);
    const pieces = fc.constantFrom(
      ...[
        'GET ',
        'POST ',
        'CONNECT ',
        '/a',
        '*',
        'http://y/',
        ' HTTP/1.1',
        ' HTTP/1.0',
        '\r\n',
        '\n',
        '\r',
        '\r\n\r\n',
      ],
      ...[
        'Host: x\r\n',
        'Connection: close\r\n',
        'Connection: upgrade, sockcred-peer\r\n',
        'Upgrade: websocket\r\n',
      ],
      ...[
        'Content-Length: 3\r\n',
        'Transfer-Encoding: chunked\r\n',
        'Expect: 100-continue\r\n',
        '3\r\nabc\r\n',
        '0\r\n',
      ],
      ...[
        ...LINES,
        'GET /a HTTP/1.1\r\nHost: x\r\n',
        'POST /a HTTP/1.1\r\nHost: x\r\n',
        ' ',
        '\t',
        ':',
        '\0',
        '\xff',
      ],
    );
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes).toString('latin1')),
      fc.array(pieces, { maxLength: 16 }).map(list => list.join('')),
      fc
        .tuple(fc.constantFrom(...CLEANED.map(([, bytes]) => bytes)), fc.nat(), fc.nat({ max: 3 }), pieces)
        .map(([bytes, where, cut, put]) => {
          const at = where % bytes.length;
          return bytes.slice(0, at) + put + bytes.slice(at + cut);
        }),
    );
    await fc.assert(
      fc.asyncProperty(hostile, async bytes => {
        const socket = connect(path);
        socket.on('error', () => {}).resume();
        socket.end(Buffer.from(bytes, 'latin1'));
        await new Promise(closed => socket.once('close', closed));
      }),
      { numRuns: 600 },
    );
    await exchangeBytes(t, path, `GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.equal(requests.at(-1)?.url, '/last');
    for (const request of requests) assertUnderstood(request, JSON.stringify(request));
  },
);

test('node:http understands one header, whatever was tried', asAnyone, async t => {
  const { to, requests } = await nodeServer(t);
  const path = await openFront(t, to);
  for (const [what, bytes] of CLEANED) {
    requests.length = 0;
    await exchangeBytes(t, path, bytes);
    for (const request of requests) assertUnderstood(request, what);
    assert.equal(requests.length, 1, what);
  }
});

const WSGI = `
import os, socketserver, sys
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
class Handler(WSGIRequestHandler):
    def address_string(self):
        return 'unix'
    def get_environ(self):
        self.client_address = ('unix', 0)
        return super().get_environ()
    def log_message(self, *_):
        pass
class Server(WSGIServer):
    address_family = socketserver.socket.AF_UNIX
    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = 'x', 0
        self.setup_environ()
def app(environ, start_response):
    ours = sorted(k + '=' + v for k, v in environ.items() if 'SOCKCRED' in k.upper() and k not in os.environ)
    body = '|'.join(ours).encode('latin1')
    start_response('200 OK', [('Content-Length', str(len(body)))])
    return [body]
server = Server(sys.argv[1], Handler)
server.set_app(app)
print('ready', flush=True)
server.serve_forever()
`;

test('a CGI environment has one variable, whatever was tried: wsgiref', {
  skip: needs('linux', 'node', 'python3'),
}, async t => {
  const path = `${ownDirectory(t)}/wsgi`;
  const child = start(t, [programPath('python3'), '-c', WSGI, path]);
  if (child.stdout === null) throw new Error('no stdout');
  await once(child.stdout, 'data');
  const front = await openFront(t, { path });
  for (const [what, bytes] of CLEANED) {
    // It knows no chunks, and reads what follows a body as another request.
    if (/chunked|OPTIONS/.test(bytes)) continue;
    const reply = await exchangeBytes(t, front, bytes);
    const [, body = ''] = reply.split('\r\n\r\n');
    assert.match(body, /^HTTP_SOCKCRED_PEER=[^|]*$/, what);
    assert.match(body.slice('HTTP_SOCKCRED_PEER='.length), TRUTH, what);
  }
});

test('nginx understands one header, also where it takes underscores', {
  skip: needs('linux', 'node', 'nginx'),
}, async t => {
  const path = await nginx(t, {
    http: 'underscores_in_headers on; ignore_invalid_headers off;',
    server: 'location / { return 200 "$http_sockcred_peer|$http_sockcred_uid|$http_sockcred_anything"; }',
  });
  const front = await openFront(t, { path });
  for (const [what, bytes] of CLEANED) {
    if (bytes.startsWith('OPTIONS *')) continue;
    const reply = await exchangeBytes(t, front, bytes);
    const [, body = ''] = reply.split('\r\n\r\n');
    assert.match(body, /^[^|]*\|\|$/, `${what}: ${reply}`);
    assert.match(body.slice(0, -2), TRUTH, what);
  }
});
