/**
 * Nobody but the guard says who a peer is: what clients try to put in its place
 * never reaches the server behind, and what two servers could read in two ways
 * reaches it not at all. Bytes as they are, on both sides.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { isForwardedName } from 'sockcred/forwarding';
import { ownDirectory, until } from '../../sockcred/build/support/gated.js';
import { start } from '../../sockcred/build/support/peers.js';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { exchangeBytes, listening, openFront, recorder } from './support/http-fronts.js';

const asAnyone = { skip: needs('linux', 'node') };

/** What the guard says of this process. */
const TRUTH = new RegExp(`^1;uid=${process.geteuid?.()};gid=[0-9]+;pid=${process.pid}(;|$)`);
const LIE = '1;uid=0;pid=1';

const GET = 'GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n';
const POST = 'POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n';

/** Header lines that pretend; each has to be gone. */
const LINES = [
  `Sockcred-Peer: ${LIE}\r\n`,
  `sockcred-peer: ${LIE}\r\n`,
  `SOCKCRED-PEER: ${LIE}\r\n`,
  `Sockcred_Peer: ${LIE}\r\n`,
  `sockcred_peer: ${LIE}\r\n`,
  `Sockcred.Peer: ${LIE}\r\n`,
  `Sockcred~Peer: ${LIE}\r\n`,
  `Sockcred!Peer: ${LIE}\r\n`,
  `Sockcred-Peer:${LIE}\r\nSockcred-Peer:${LIE}\r\n`,
  `Sockcred-Peer:\t ${LIE} \t\r\n`,
  'Sockcred-Peer:\r\n',
  'Sockcred-Uid: 0\r\nSOCKCRED_GROUPS: 0\r\nsockcred-anything: 1\r\n',
];

/** Requests that two servers could read in two ways; nothing of them may get through. */
const REFUSED: readonly (readonly [what: string, bytes: string])[] = [
  ['a space before the colon', `${GET}Sockcred-Peer : ${LIE}\r\n\r\n`],
  ['a tab before the colon', `${GET}Sockcred-Peer\t: ${LIE}\r\n\r\n`],
  ['a folded line', `${GET}X: a\r\n Sockcred-Peer: ${LIE}\r\n\r\n`],
  ['a line folded by a tab', `${GET}X: a\r\n\tSockcred-Peer: ${LIE}\r\n\r\n`],
  ['a folded first line', `GET / HTTP/1.1\r\n Sockcred-Peer: ${LIE}\r\nHost: x\r\n\r\n`],
  ['a line feed alone', `${GET}X: a\nSockcred-Peer: ${LIE}\r\n\r\n`],
  ['a carriage return alone', `${GET}X: a\rSockcred-Peer: ${LIE}\r\n\r\n`],
  ['line feeds only', `GET / HTTP/1.1\nHost: x\nSockcred-Peer: ${LIE}\n\n`],
  ['NUL in a value', `${GET}X: a\0\r\n\r\n`],
  ['NUL in a name', `${GET}Sockcred-Peer\0: ${LIE}\r\n\r\n`],
  ['a vertical tab', `${GET}X: a\x0bSockcred-Peer: ${LIE}\r\n\r\n`],
  ['a form feed', `${GET}X: a\x0cSockcred-Peer: ${LIE}\r\n\r\n`],
  ['a file separator', `${GET}X: a\x1cSockcred-Peer: ${LIE}\r\n\r\n`],
  ['a line without a name', `${GET}: ${LIE}\r\n\r\n`],
  ['a line without a colon', `${GET}Sockcred-Peer\r\n\r\n`],
  ['two hosts', `${GET}Host: y\r\n\r\n`],
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
  ['a length and a coding', `${POST}Content-Length: 4\r\n${CHUNKED}\r\n`],
  ['a coding and a length', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
  ['two lengths', `${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
  ['a list of lengths', `${POST}Content-Length: 3, 3\r\n\r\nabc`],
  ['a signed length', `${POST}Content-Length: +3\r\n\r\nabc`],
  ['a length in hex', `${POST}Content-Length: 0x3\r\n\r\nabc`],
  ['a length beyond numbers', `${POST}Content-Length: 99999999999999999999\r\n\r\nabc`],
  ['another coding', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['two codings', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['chunked twice', `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
  ['chunked, then not', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
  ['a coding after a control character', `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  ['a coding in HTTP/1.0', `POST / HTTP/1.0\r\nHost: x\r\n${CHUNKED}\r\n`],
  ['a tunnel', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target with a fragment', 'GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target with a space', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target that is no path', 'GET a HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target of another scheme', 'GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target with a user', 'GET http://root@x/ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['HTTP/0.9', 'GET /\r\n\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a PROXY header', `PROXY UNKNOWN\r\n${GET}\r\n`],
  ['a head that is too long', `${GET}X: ${'a'.repeat(20_000)}\r\n\r\n`],
  [
    'an upgrade with a body',
    `${POST}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc`,
  ],
  ['an expectation that is not known', `${POST}Expect: 200-maybe\r\nContent-Length: 3\r\n\r\nabc`],
];

/** Requests that go on, with what has to be in what goes on. */
const CLEANED: readonly (readonly [what: string, bytes: string, wanted: RegExp])[] = [
  ...LINES.map(line => [line, `${GET}${line}\r\n`, /^GET \/a HTTP\/1\.1\r\nHost: x\r\n/] as const),
  ['all at once', `${GET}${LINES.join('')}Cookie: c\r\n\r\n`, /\r\nCookie: c\r\n/],
  ['a nomination', `${GET}Connection: sockcred-peer, Sockcred_Peer\r\n\r\n`, /^GET \/a HTTP/],
  [
    'a nomination of framing',
    `${POST}Connection: content-length, host\r\nContent-Length: 3\r\n\r\nabc`,
    /abc$/,
  ],
  [
    'a target that is a URL',
    'GET http://y:1/b?c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    /^GET \/b\?c HTTP\/1\.1\r\nHost: y:1\r\n/,
  ],
  [
    'a URL without a path',
    'GET http://y?c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    /^GET \/\?c HTTP\/1\.1\r\nHost: y\r\n/,
  ],
  ['a target for all', 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', /^OPTIONS \* HTTP/],
  [
    'a lookalike of a coding',
    `${POST}Transfer_Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc`,
    /\r\n\r\nabc$/,
  ],
  [
    'trailers',
    `${POST}Trailer: X-T, Sockcred-Peer\r\n${CHUNKED}X-T: 1\r\n${LINES.join('')}\r\n`,
    /X-T: 1\r\n\r\n$/,
  ],
  [
    'trailers that are none',
    `${POST}${CHUNKED}Host: y\r\nConnection: sockcred-peer\r\nTE: x\r\n\r\n`,
    /\r\n0\r\n\r\n$/,
  ],
  [
    'a chunk extension',
    `${POST}Transfer-Encoding: chunked\r\n\r\n3;a="b"\r\nabc\r\n0\r\n\r\n`,
    /\r\n3\r\nabc\r\n0\r\n/,
  ],
  [
    'an upgrade',
    `${GET}Connection: Upgrade\r\nUpgrade: WebSocket\r\n${LINES.join('')}\r\n`,
    /Upgrade: websocket\r\n/,
  ],
  [
    'an upgrade to HTTP/2',
    `${GET}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\nPRI * HTTP/2.0\r\n\r\n`,
    /^(?![\s\S]*(h2c|HTTP2|PRI))GET \/a/i,
  ],
  ['an upgrade to two', `${GET}Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n`, /^(?![\s\S]*h2c)GET/],
  ['HTTP/1.0', `GET /a HTTP/1.0\r\nSockcred-Peer: ${LIE}\r\n\r\n`, /^GET \/a HTTP\/1\.1\r\n/],
  ['bytes beyond ASCII', `${GET}X: \xe4\x85\r\n\r\n`, /\r\nX: \xe4\x85\r\n/],
];

/** Head lines of ours in what one connection got: exactly one for each request, and it is true. */
function assertTrue(received: string, requests: number, what: string): void {
  const lines = received.split(/\r\n|\r|\n/).filter(line => isForwardedName(line));
  assert.equal(lines.length, requests, `${what}: ${lines.join(' | ')}`);
  for (const line of lines) {
    const [, name, value = ''] = /^([^:]*): (.*)$/.exec(line) ?? [];
    assert.equal(name, 'Sockcred-Peer', what);
    assert.match(value, TRUTH, what);
  }
}

test('what could be read in two ways goes to nobody', asAnyone, async t => {
  const { to, connections } = await recorder(t);
  const path = await openFront(t, to);
  for (const [what, bytes] of REFUSED) {
    const reply = await exchangeBytes(t, path, bytes);
    assert.match(reply, /^HTTP\/1\.1 (4[0-9]{2}|501) /, what);
    assert.equal(connections.join(''), '', what);
  }
});

test('a body that goes wrong on its way never becomes a whole request', asAnyone, async t => {
  const { to, connections } = await recorder(t);
  const path = await openFront(t, to);
  const bodies = [
    'zz\r\nabc\r\n0\r\n\r\n',
    '3\nabc\r\n0\r\n\r\n',
    '3\r\nabcd\r\n0\r\n\r\n',
    '-3\r\nabc\r\n',
    '0x3\r\nabc\r\n',
    '3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n',
  ];
  for (const body of bodies) {
    await exchangeBytes(
      t,
      path,
      `${POST}Transfer-Encoding: chunked\r\n\r\n${body}GET /b HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
  }
  await exchangeBytes(t, path, `${GET}\r\n`);
  const last = connections.pop() ?? '';
  assertTrue(last, 1, last);
  for (const received of connections) {
    assert.ok(!/\r\n0\r\n|GET \/b/.test(received), received);
    assertTrue(received, received === '' ? 0 : 1, received);
  }
});

test('what pretends to be ours is taken out, and ours is there once', asAnyone, async t => {
  const { to, connections } = await recorder(t);
  const path = await openFront(t, to);
  for (const [what, bytes, wanted] of CLEANED) {
    connections.length = 0;
    const reply = await exchangeBytes(t, path, bytes);
    assert.match(reply, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/, what);
    assert.equal(connections.length, 1, what);
    assert.match(connections[0] ?? '', wanted, what);
    assertTrue(connections[0] ?? '', 1, what);
  }
});

test('requests that were sent ahead are cleaned one by one', asAnyone, async t => {
  const { to, connections } = await recorder(t);
  const path = await openFront(t, to);
  const one = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\n${LINES.join('')}\r\n`;
  const reply = await exchangeBytes(t, path, `${one('/1')}${one('/2')}${GET}${LINES.join('')}\r\n`);
  assert.equal(reply.split('HTTP/1.1 200').length, 4);
  assert.equal(connections.length, 1);
  assertTrue(connections[0] ?? '', 3, 'three requests');
});

test('names that the operator gave are taken out in every spelling', asAnyone, async t => {
  const { to, connections } = await recorder(t);
  const path = await openFront(t, to, { strip: ['X-Remote-User', 'x_forwarded_for'], simpleHeaders: true });
  const lines = ['X-Remote-User', 'x_remote_user', 'X.Remote_User', 'X-Forwarded-For', 'X-Other'];
  await exchangeBytes(
    t,
    path,
    `${GET}${lines.map(name => `${name}: root\r\n`).join('')}Sockcred-Uid: 7\r\n\r\n`,
  );
  const [received = ''] = connections;
  assert.deepEqual(received.match(/^.*root\r$/gm), ['X-Other: root\r']);
  assert.deepEqual(received.match(/^Sockcred-Uid.*\r$/gm), [`Sockcred-Uid: ${process.geteuid?.()}\r`]);
});

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
  const directory = ownDirectory(t);
  const path = `${directory}/behind`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    `${directory}/nginx.conf`,
    `daemon off; master_process off; pid ${directory}/pid; error_log stderr crit;
events {}
http { access_log off; underscores_in_headers on; ignore_invalid_headers off;
  ${temporary.map(name => `${name}_temp_path ${directory}/${name};`).join(' ')}
  server { listen unix:${path}; location / { return 200 "$http_sockcred_peer|$http_sockcred_uid|$http_sockcred_anything"; } } }`,
  );
  start(t, [programPath('nginx'), '-e', 'stderr', '-c', `${directory}/nginx.conf`]);
  let there = false;
  const look = () => {
    const socket = connect(path);
    socket.on('connect', () => {
      there = true;
      socket.destroy();
    });
    socket.on('error', () => setTimeout(look, 20));
  };
  look();
  await until(() => there);
  const front = await openFront(t, { path });
  for (const [what, bytes] of CLEANED) {
    if (bytes.startsWith('OPTIONS *')) continue;
    const reply = await exchangeBytes(t, front, bytes);
    const [, body = ''] = reply.split('\r\n\r\n');
    assert.match(body, /^[^|]*\|\|$/, `${what}: ${reply}`);
    assert.match(body.slice(0, -2), TRUTH, what);
  }
});
