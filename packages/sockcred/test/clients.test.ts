/** Clients that talk to the right server only: to any other not one byte is sent, by any HTTP client. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, createServer, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import {
  credentials,
  Metadata,
  Client as RpcClient,
  Server as RpcServer,
  ServerCredentials,
} from '@grpc/grpc-js';
import { PeerError, PeerTypeError } from 'sockcred';
import { definePolicy, sameUserOnly } from 'sockcred/authorization';
import {
  requirePeer,
  verifiedChannelCredentials,
  verifiedConnection,
  verifiedUndiciConnect,
} from 'sockcred/clients';
import { Agent as UndiciAgent, request as undiciRequest } from 'undici';
import { WebSocket, WebSocketServer } from 'ws';
import { openDirectory, ownDirectory } from './support/directories.js';
import { python } from './support/peers.js';
import { needs, runtime } from './support/requirements.js';
import { until } from './support/waiting.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };
const asAnyone = { skip: needs('linux') };

const policy = sameUserOnly();
const refused = (error: unknown) => error instanceof PeerError && error.code === 'ERR_PEER_REFUSED';

/** A server of another user at a path, which says how many bytes each client has sent it. */
async function squatter(t: TestContext): Promise<{ path: string; bytes(): Promise<string> }> {
  const path = `${openDirectory(t)}/s`;
  const peer = python(
    t,
    `
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o666); s.listen(10)
say('listening')
while True:
    c, _ = s.accept()
    c.settimeout(20)
    n = 0
    try:
        while True:
            got = c.recv(4096)
            if not got: break
            n += len(got)
    except ConnectionError: pass
    c.close()
    say(n)
`,
    { uid: 1234, gid: 1234, args: [path] },
  );
  await peer.line();
  return { path, bytes: () => peer.line() };
}

test('requirePeer(): what was written before it connected reaches no other server', asRoot, async t => {
  const { path, bytes } = await squatter(t);
  const socket = requirePeer(connect(path), policy);
  socket.write('the secret');
  socket.end('and more');
  const [error] = await once(socket, 'error');
  assert.ok(refused(error));
  assert.match(error.message, /uid is 1234/);
  assert.equal(await bytes(), '0');
});

test('requirePeer(): a socket that is connected already', asRoot, async t => {
  const { path, bytes } = await squatter(t);
  const socket = connect(path);
  await once(socket, 'connect');
  assert.throws(() => requirePeer(socket, policy), refused);
  assert.equal(socket.destroyed, true);
  assert.equal(await bytes(), '0');
  assert.throws(() => requirePeer(socket, {} as typeof policy), PeerTypeError);
});

test('T73: requirePeer() asks again whenever the socket connects again', asRoot, async t => {
  const { path, bytes } = await squatter(t);
  const good = `${ownDirectory(t)}/good`;
  const server = createServer(socket => socket.end('welcome')).listen(good);
  t.after(() => server.close());
  await once(server, 'listening');
  const socket = requirePeer(new Socket(), policy);
  socket.connect(good);
  const [welcome] = await once(socket, 'data');
  assert.equal(String(welcome), 'welcome');
  await once(socket, 'close');
  socket.connect(path);
  socket.write('the secret');
  const [error] = await once(socket, 'error');
  assert.ok(refused(error));
  assert.equal(await bytes(), '0');
});

/** Sends a secret to a path in one client's way. */
const CLIENTS: Readonly<Record<string, (path: string, t: TestContext) => Promise<string>>> = {
  'node:http with an agent': (path, t) => {
    const agent = Object.assign(new HttpAgent({ keepAlive: true }), {
      createConnection: verifiedConnection(policy),
    });
    t.after(() => agent.destroy());
    return overHttp({ agent, socketPath: path });
  },
  'node:http without an agent': path =>
    overHttp({ socketPath: path, createConnection: verifiedConnection(policy) }),
  undici: async (path, t) => {
    const dispatcher = new UndiciAgent({ connect: verifiedUndiciConnect(policy, path) });
    t.after(() => dispatcher.destroy());
    const headers = { authorization: 'the secret' };
    const { body } = await undiciRequest('http://localhost/', { dispatcher, headers });
    return body.text();
  },
};

function overHttp(options: object): Promise<string> {
  return new Promise((done, failed) => {
    const outgoing = httpRequest({ ...options, headers: { authorization: 'the secret' } }, response => {
      response.setEncoding('utf8').on('data', done);
    });
    outgoing.on('error', failed).end();
  });
}

/** Bun has another module of that name, which connects by itself. */
const notInBun = { skip: asRoot.skip || (runtime() === 'bun' && 'needs undici, which Bun replaces') };

test('undici: where it would connect by itself there is no connector for it', {
  skip: runtime() !== 'bun' && 'is about Bun',
}, () => {
  assert.throws(
    () => verifiedUndiciConnect(policy, '/nowhere'),
    (error: unknown) => error instanceof PeerError && error.code === 'ERR_PEER_UNSUPPORTED',
  );
});

for (const [name, send] of Object.entries(CLIENTS)) {
  const where = name === 'undici' ? notInBun : asRoot;
  test(`${name}: the right server gets the request, any other gets nothing`, where, async t => {
    const good = `${ownDirectory(t)}/good`;
    const server = createHttpServer((incoming, response) => response.end(incoming.headers.authorization));
    server.listen(good);
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, 'listening');
    assert.equal(await send(good, t), 'the secret');
    const { path, bytes } = await squatter(t);
    await assert.rejects(send(path, t), refused);
    assert.equal(await bytes(), '0');
  });
}

test('ws: the right server gets the request, any other gets nothing', asRoot, async t => {
  const good = `${ownDirectory(t)}/good`;
  const http = createHttpServer();
  const server = new WebSocketServer({ server: http });
  server.on('connection', socket => socket.send('welcome'));
  http.listen(good);
  t.after(() => {
    http.close();
    for (const socket of server.clients) socket.terminate();
  });
  await once(http, 'listening');
  const open = (path: string) => {
    const createConnection = verifiedConnection(policy, path);
    const socket = new WebSocket('ws://localhost/', {
      createConnection,
      headers: { authorization: 'the secret' },
    });
    t.after(() => socket.terminate());
    return new Promise((done, failed) => {
      socket.on('message', data => done(String(data)));
      socket.on('error', failed);
    });
  };
  assert.equal(await open(good), 'welcome');
  const { path, bytes } = await squatter(t);
  await assert.rejects(open(path), refused);
  assert.equal(await bytes(), '0');
});

test('http2.connect(): the right server gets the request, any other gets nothing', asRoot, async t => {
  const good = `${ownDirectory(t)}/good`;
  const server = createHttp2Server((incoming, response) => {
    response.end(incoming.headers.authorization ?? '');
  });
  server.listen(good);
  await once(server, 'listening');
  t.after(() => server.close());
  const send = async (path: string) => {
    const session = connectHttp2('http://localhost', {
      createConnection: verifiedConnection(policy, path) as () => Socket,
    });
    t.after(() => session.destroy());
    session.on('error', () => {});
    const stream = session.request({ authorization: 'the secret' }).setEncoding('utf8');
    let body = '';
    for await (const part of stream) body += part;
    session.close();
    return body;
  };
  assert.equal(await send(good), 'the secret');
  const { path, bytes } = await squatter(t);
  await assert.rejects(send(path));
  assert.equal(await bytes(), '0');
});

const bytesOf = (value: string) => Buffer.from(value);
const textOf = (bytes: Buffer) => bytes.toString();

test(
  '@grpc/grpc-js: verified on every reconnect, and no connection is shared with who does not verify',
  asRoot,
  async t => {
    const good = `${ownDirectory(t)}/good`;
    const server = new RpcServer();
    t.after(() => server.forceShutdown());
    const method = {
      path: '/test.Echo/Echo',
      originalName: 'echo',
      requestStream: false,
      responseStream: false,
      requestSerialize: bytesOf,
      requestDeserialize: textOf,
      responseSerialize: bytesOf,
      responseDeserialize: textOf,
    } as const;
    server.addService(
      { echo: method },
      {
        echo: (call: { request: string }, reply: (error: null, value: string) => void) =>
          reply(null, call.request),
      },
    );
    await new Promise<void>((done, failed) => {
      server.bindAsync(`unix:${good}`, ServerCredentials.createInsecure(), error =>
        error === null ? done() : failed(error),
      );
    });
    const call = (path: string, how: typeof plain) => {
      const client = new RpcClient(`unix:${path}`, how);
      t.after(() => client.close());
      return new Promise((done, failed) => {
        const deadline = Date.now() + 20_000;
        client.makeUnaryRequest(
          method.path,
          bytesOf,
          textOf,
          'the secret',
          { deadline } as never,
          ((error: Error | null, value: string) => (error === null ? done(value) : failed(error))) as never,
        );
      });
    };
    const plain = credentials.createInsecure();
    const verified = verifiedChannelCredentials(plain, policy);
    assert.equal(await call(good, verified), 'the secret');
    const never = verifiedChannelCredentials(plain, definePolicy({ rules: [] }));
    assert.equal(await call(good, plain), 'the secret');
    await assert.rejects(
      call(good, never),
      /UNAVAILABLE/,
      'the open connection of the plain channel is not used',
    );
    const { path, bytes } = await squatter(t);
    await assert.rejects(call(path, verified), /UNAVAILABLE/);
    assert.equal(await bytes(), '0');
    assert.throws(() => verifiedChannelCredentials({}, policy), PeerTypeError);
  },
);

test('@grpc/grpc-js: credentials stay verified where call credentials are added to them', asRoot, async t => {
  const { path, bytes } = await squatter(t);
  const token = credentials.createFromMetadataGenerator((_options, done) => {
    const metadata = new Metadata();
    metadata.set('authorization', 'the secret');
    done(null, metadata);
  });
  const verified = verifiedChannelCredentials(credentials.createSsl(), policy);
  for (const composed of [
    verified.compose(token),
    verified.compose(token).compose(token),
    credentials.combineChannelCredentials(verified, token),
  ]) {
    const client = new RpcClient(`unix:${path}`, composed);
    const answer = new Promise((done, failed) => {
      client.makeUnaryRequest('/test.Echo/Echo', bytesOf, textOf, 'x', ((error: Error | null) =>
        error === null ? done('answered') : failed(error)) as never);
    });
    await assert.rejects(answer, /not the right server/);
    client.close();
    assert.equal(await bytes(), '0');
  }
});

test('a connection to anything but a path is refused', asAnyone, async () => {
  assert.throws(() => verifiedConnection(policy)({ host: 'localhost', port: 80 }), PeerTypeError);
  const socket = requirePeer(connect('/nonexistent/socket'), policy);
  const [error] = await once(socket, 'error');
  assert.equal(error.code, 'ENOENT');
  await until(() => socket.closed);
});
