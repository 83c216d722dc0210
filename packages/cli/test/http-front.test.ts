/** The HTTP front as a proxy: bodies, trailers and answers as they are, each peer under its own name, 403 for the rest. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { Agent, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { peerCredentials } from 'sockcred';
import { definePolicy, sameUserOnly } from 'sockcred/authorization';
import { forwardedPeer } from 'sockcred/forwarding';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { until } from '../../sockcred/build/support/waiting.js';
import type { HttpFailure } from '../dist/guard/http/http-front.js';
import { createHttpRefusal } from '../dist/guard/http/http-refusal.js';
import { socketTo } from '../dist/guard/http/http-upstream.js';
import { ask, behind, openFront, problem, recorder } from './support/http-fronts.js';

const asAnyone = { skip: needs('linux', 'node') };
const asRoot = { skip: needs('linux', 'node', 'root', 'python3', 'setpriv') };

test('bodies of any size and framing go both ways as they are', asAnyone, async t => {
  const { to, requests } = await behind(t, (request, response) => request.pipe(response));
  const path = await openFront(t, to);
  const body = Buffer.alloc(3_000_000, '0123456789');
  for (const headers of [{ 'Content-Length': `${body.length}` }, { 'Transfer-Encoding': 'chunked' }]) {
    for (const method of ['POST', 'PUT', 'GET', 'DELETE']) {
      const reply = await ask(path, { method, headers, body });
      assert.equal(reply.status, 200);
      assert.equal(reply.body, body.toString());
      assert.equal(requests.at(-1)?.method, method);
    }
  }
  const empty = await ask(path, { method: 'POST' });
  assert.deepEqual([empty.status, empty.body], [200, '']);
});

test(
  'status, headers that are there twice and answers without a body come back as they are',
  asAnyone,
  async t => {
    const { to } = await behind(t, (request, response) => {
      const status = Number(request.headers['x-status']);
      response.writeHead(status, 'As It Is', [
        ...[
          'Set-Cookie',
          'a=1',
          'Set-Cookie',
          'b=2',
          'X-Bytes',
          'ä',
          'Connection',
          'x-private',
          'X-Private',
          '1',
        ],
        ...(status === 200 ? ['Content-Length', '2'] : []),
      ]);
      // A string would make Node write the head as UTF-8.
      response.end(status === 200 ? Buffer.from('ok') : undefined);
    });
    const path = await openFront(t, to);
    for (const [method, status, body] of [
      ['GET', 200, 'ok'],
      ['HEAD', 200, ''],
      ['GET', 204, ''],
      ['GET', 304, ''],
      ['POST', 404, ''],
    ] as const) {
      const reply = await ask(path, { method, headers: { 'X-Status': `${status}` } });
      assert.deepEqual([reply.status, reply.body], [status, body]);
      const { headers, statusMessage } = reply.incoming;
      assert.equal(statusMessage, 'As It Is');
      assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
      assert.equal(headers['x-bytes'], 'ä');
      assert.equal(headers['x-private'], undefined);
      if (status === 200) assert.equal(headers['content-length'], '2');
    }
  },
);

test('trailers go both ways', asAnyone, async t => {
  const { to } = await behind(t, (request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'Transfer-Encoding': 'chunked' });
      response.addTrailers({ 'X-Heard': request.trailers['x-said'] ?? 'nothing' });
      response.end('ok');
    });
  });
  const path = await openFront(t, to);
  const outgoing = sendRequest({
    socketPath: path,
    method: 'POST',
    headers: { Trailer: 'X-Said' },
    agent: false,
  });
  outgoing.addTrailers({ 'X-Said': 'this' });
  outgoing.end('body');
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  assert.equal(await text(incoming), 'ok');
  assert.equal(incoming.trailers['x-heard'], 'this');
});

test('100 is the word of the server behind: it may as well refuse', asAnyone, async t => {
  const { to, server } = await behind(t, () => assert.fail('a request without an expectation'));
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers['content-length'] === '3') {
      response.writeContinue();
      request.pipe(response);
    } else {
      response.writeHead(413, { Connection: 'close' }).end('too large');
    }
  });
  const path = await openFront(t, to);
  for (const [length, continues, status] of [
    [3, true, 200],
    [4, false, 413],
  ] as const) {
    const outgoing = sendRequest({
      ...{ socketPath: path, method: 'POST', agent: false },
      headers: { Expect: '100-continue', 'Content-Length': length },
    });
    let continued = false;
    outgoing.on('continue', () => {
      continued = true;
      outgoing.end('abc');
    });
    outgoing.on('error', () => {});
    outgoing.flushHeaders();
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    assert.deepEqual([continued, incoming.statusCode], [continues, status]);
    assert.equal(await text(incoming), continues ? 'abc' : 'too large');
    outgoing.destroy();
  }
});

test('hints that come before an answer are passed on', asAnyone, async t => {
  const { to } = await behind(t, (_request, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' });
    response.end('ok');
  });
  const path = await openFront(t, to);
  const outgoing = sendRequest({ socketPath: path, agent: false }).end();
  const [[hints], [incoming]] = await Promise.all([
    once(outgoing, 'information'),
    once(outgoing, 'response'),
  ]);
  assert.deepEqual([hints.statusCode, hints.headers.link], [103, '</a.css>; rel=preload']);
  assert.equal(await text(incoming), 'ok');
});

test('an answer begins when it begins, not with its first byte', asAnyone, async t => {
  let finish = () => {};
  const { to } = await behind(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
    finish = () => response.end('data: 1\n\n');
  });
  const path = await openFront(t, to);
  const outgoing = sendRequest({ socketPath: path, agent: false }).end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  finish();
  assert.equal(await text(incoming), 'data: 1\n\n');
});

test('each client connection has one connection of its own, which is kept', asAnyone, async t => {
  const { to, requests } = await behind(t, (_request, response) => response.end('ok'));
  const path = await openFront(t, to);
  const agents = [1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
  t.after(() => {
    for (const agent of agents) agent.destroy();
  });
  for (let round = 0; round < 3; round++) {
    for (const agent of agents) assert.equal((await ask(path, { agent })).body, 'ok');
  }
  const sockets = requests.map(({ socket }) => socket);
  assert.equal(new Set(sockets).size, 2);
  assert.equal(sockets[0], sockets[2]);
  for (const agent of agents) agent.destroy();
  await until(() => sockets.every(socket => socket.destroyed));
});

const ASKS = `
import http.client
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])
connection = Connection('x')
said = set()
for i in range(int(sys.argv[2])):
    connection.request('GET', '/', headers={'Sockcred-Peer': '1;uid=0'})
    said.add(connection.getresponse().read().decode())
say(' '.join(sorted(said)))
hear()
`;

test('many users at once: every request runs under its own name', asRoot, async t => {
  const { to } = await behind(t, (request, response) => {
    const { peer, by } = forwardedPeer(request, { from: sameUserOnly() });
    assert.equal(by.pid, process.pid);
    setImmediate(() => response.end(`${peer.uid}/${peer.gid}/${peer.groups?.join(',')}`));
  });
  const path = await openFront(t, to);
  const clients = [2001, 2002, 2003, 2004].map(uid => ({
    wanted: `${uid}/${uid + 100}/${uid + 100},${uid + 200}`,
    peer: python(t, ASKS, { uid, gid: uid + 100, groups: [uid + 200], args: [path, '50'] }),
  }));
  for (const { wanted, peer } of clients) assert.equal(await peer.line(), wanted);
});

test('under --as-peer the server behind is told the client’s ids by its own kernel', asRoot, async t => {
  const { to } = await behind(t, (request, response) => {
    const { uid, gid } = peerCredentials(request, { side: 'accepted' });
    response.end(`${uid}/${gid}`);
  });
  // Whoever connects under ids of their own needs permission to.
  chmodSync(to.path, 0o666);
  const path = await openFront(t, to, { connect: socketTo(to, { asPeer: true }) });
  for (const uid of [2001, 2002]) {
    const client = python(t, ASKS, { uid, gid: uid, args: [path, '3'] });
    assert.equal(await client.line(), `${uid}/${uid}`);
  }
});

test('whoever is not let in is told 403 as JSON, whatever they ask, and reaches nobody', asRoot, async t => {
  const { to, connections } = await recorder(t);
  const policy = definePolicy({ rules: [{ effect: 'allow', user: 0, name: 'the-secret-rule' }] });
  const requests = [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
  ];
  const talk = `
for request in sys.argv[2:]:
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(request.encode())
    reply = b''
    while True:
        part = s.recv(10000)
        if not part: break
        reply += part
    say(reply.hex())
`;
  for (const explain of [false, true]) {
    const refusal = createHttpRefusal({ explain });
    const path = await openFront(t, to, {}, { authorize: policy, refuse: { handTo: refusal } });
    const stranger = python(t, talk, { uid: 2001, gid: 2001, args: [path, ...requests] });
    for (const request of requests) {
      const reply = Buffer.from(await stranger.line(), 'hex').toString();
      assert.match(
        reply,
        /^HTTP\/1\.1 403 Forbidden\r\n[\s\S]*Content-Type: application\/problem\+json\r\n/,
        request,
      );
      const { status, detail } = problem(reply.slice(reply.indexOf('\r\n\r\n')));
      assert.equal(status, 403);
      assert.equal(detail, explain ? 'denied: no rule lets this peer in' : 'you are not let in');
      assert.ok(!reply.includes('the-secret-rule'));
    }
  }
  assert.deepEqual(connections, []);
});

test('a peer that cannot be told of is 500, and nobody is asked in its stead', asAnyone, async t => {
  const { to, connections } = await recorder(t);
  const failures: HttpFailure[] = [];
  const map = [{ everyone: true as const, as: 'a role with spaces' }];
  const authorize = definePolicy({
    maps: { roles: map },
    rules: [{ effect: 'allow', everyone: true, map: 'roles' }],
  });
  const path = await openFront(t, to, { onFailure: failure => void failures.push(failure) }, { authorize });
  assert.equal((await ask(path)).status, 500);
  assert.equal(failures.length, 1);
  assert.deepEqual(connections, []);
});
