/** readProxyHeader(): whose connection it is, by the word of a server in front that was verified; from real ones too. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { PeerError } from 'sockcred';
import { sameUserOnly } from 'sockcred/authorization';
import {
  encodeProxyHeader,
  forwardedPeer,
  type ProxiedConnection,
  type ProxyHeaderReading,
  readProxyHeader,
} from 'sockcred/forwarding';
import { madeUpPeer } from 'sockcred/testing';
import { ownDirectory } from './support/directories.js';
import { dial } from './support/gated.js';
import { nginx } from './support/nginx.js';
import { start } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';
import { listened, until } from './support/waiting.js';

const asAnyone = { skip: needs('linux') };

type Outcome = { socket: Socket; read?: ProxiedConnection; error?: PeerError };

/** Reads the header of every connection, and gives what comes after it to `then`. */
async function openServer(
  t: TestContext,
  options: Partial<ProxyHeaderReading> = {},
  then: (socket: Socket, read: ProxiedConnection) => void = socket => socket.destroy(),
): Promise<{ path: string; server: Server; outcomes: Outcome[] }> {
  const outcomes: Outcome[] = [];
  const server = createServer(async socket => {
    t.after(() => socket.destroy());
    try {
      const read = await readProxyHeader(socket, { from: sameUserOnly(), ...options });
      outcomes.push({ socket, read });
      then(socket, read);
    } catch (error) {
      outcomes.push({ socket, error: error as PeerError });
    }
  });
  const path = `${ownDirectory(t)}/s`;
  await once(server.listen(path), 'listening');
  t.after(() => server.close());
  return { path, server, outcomes };
}

/** Everything that comes until the connection ends, however it does. */
async function everything(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', part => {
    text += part;
  });
  if (!socket.closed) await new Promise(closed => socket.once('close', closed));
  return text;
}

const echo = (socket: Socket) => void socket.on('data', data => socket.end(`got ${data}`));
const header = encodeProxyHeader(madeUpPeer({ uid: 1000, gid: 100, groups: [100, 27] }), {
  roles: ['admin'],
});

test(
  'a guard that was verified says whose connection it is, and what follows is left as it came',
  asAnyone,
  async t => {
    const { path, outcomes } = await openServer(t, {}, echo);
    const socket = await dial(t, path);
    socket.write(Buffer.concat([header, Buffer.from('hello')]));
    assert.equal(await everything(socket), 'got hello');
    const { read } = outcomes[0] ?? {};
    assert.ok(read !== undefined && Object.isFrozen(read));
    assert.equal(read.by.pid, process.pid);
    assert.equal(read.forwarded?.by, read.by);
    assert.equal(read.forwarded?.peer.uid, 1000);
    assert.deepEqual(read.forwarded?.peer.groups, [27, 100]);
    assert.deepEqual(read.forwarded?.roles, ['admin']);
  },
);

test(
  'a header may come in pieces of any size, and a server of HTTP gets what follows it',
  asAnyone,
  async t => {
    const http = createHttpServer((request, response) =>
      response.end(`${request.url} ${request.headers.host}`),
    );
    const { path } = await openServer(t, {}, socket => void http.emit('connection', socket));
    const bytes = Buffer.concat([
      header,
      Buffer.from('GET /a HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n'),
    ]);
    for (const size of [1, 7, 16, 100, header.length, header.length + 5]) {
      const socket = await dial(t, path);
      for (let at = 0; at < bytes.length; at += size) {
        socket.write(bytes.subarray(at, at + size));
        await new Promise(done => setImmediate(done));
      }
      assert.match(await everything(socket), /^HTTP\/1\.1 200 OK[\s\S]*\/a b$/, `pieces of ${size}`);
    }
  },
);

test('nothing is read of whom the rule does not accept', asAnyone, async t => {
  const { path, outcomes } = await openServer(t, { from: () => false });
  const socket = await dial(t, path);
  socket.write(header);
  await everything(socket);
  await until(() => outcomes.length === 1);
  assert.equal(outcomes[0]?.error?.code, 'ERR_PEER_REFUSED');
  assert.equal(outcomes[0]?.socket.bytesRead, 0);
});

const twice = (() => {
  const text = new TextEncoder().encode('1;uid=0');
  const entry = [0xe5, 0, text.length, ...text];
  return Uint8Array.of(...header.subarray(0, 13), 0, 0, 2 * entry.length, ...entry, ...entry);
})();
const nobody = Uint8Array.of(...header.subarray(0, 13), 0, 0, 5, 0xe5, 0, 2, 49, 59);

test(
  'what is no header, says two things or nothing that can be said closes the connection',
  asAnyone,
  async t => {
    const { path, outcomes } = await openServer(t);
    const wrong = [
      ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
      ['version 1', Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nGET /')],
      ['too long', Uint8Array.of(...header.subarray(0, 14), 0xff, 0xff)],
      ['a peer twice', twice],
      ['a peer in another form', nobody],
      ['another checksum', Uint8Array.of(...header.subarray(0, -1), (header.at(-1) ?? 0) ^ 1)],
    ] as const;
    for (const [what, bytes] of wrong) {
      const socket = await dial(t, path);
      socket.write(bytes);
      await everything(socket);
      await until(() => outcomes.length === 1);
      const { error, socket: theirs } = outcomes.pop() ?? {};
      assert.ok(error instanceof PeerError, what);
      assert.equal(error.code, 'ERR_FORWARDED_MALFORMED', what);
      assert.equal(error.scope, 'connection');
      assert.ok(theirs?.destroyed);
    }
  },
);

test(
  'a header that ends early, is reset or does not come in time costs the connection only',
  asAnyone,
  async t => {
    const { path, outcomes } = await openServer(t, { deadlineMs: 50 });
    for (const length of [0, 1, 15, 16, 17, header.length - 1]) {
      const socket = await dial(t, path);
      socket.end(header.subarray(0, length));
      await everything(socket);
      await until(() => outcomes.length === 1);
      assert.match(`${outcomes.pop()?.error?.code}`, /^ERR_MESSAGE_(END|TIMEOUT)$/);
      const reset = await dial(t, path);
      reset.write(header.subarray(0, length), () => reset.destroy());
      await until(() => outcomes.length === 1);
      assert.match(`${outcomes.pop()?.error?.code}`, /^ERR_(MESSAGE_END|MESSAGE_TIMEOUT|PEER_CLOSED)$/);
      const silent = await dial(t, path);
      silent.write(header.subarray(0, length));
      await everything(silent);
      await until(() => outcomes.length === 1);
      assert.equal(outcomes.pop()?.error?.code, 'ERR_MESSAGE_TIMEOUT');
    }
  },
);

test('an error after the header is the reader’s no longer, and ends nobody’s program', asAnyone, async t => {
  const { path, outcomes } = await openServer(t, {}, () => {});
  const socket = await dial(t, path);
  socket.write(header);
  await until(() => outcomes.length === 1);
  const theirs = outcomes[0]?.socket;
  theirs?.destroy(new Error('reset'));
  await until(() => theirs?.closed === true);
});

test('arguments are checked before a byte is read', asAnyone, async () => {
  const socket = connect('/nowhere').on('error', () => {});
  for (const options of [
    {},
    { from: 3 },
    { from: () => true, deadlineMs: 0 },
    { from: () => true, deadlineMs: 0.5 },
  ]) {
    await assert.rejects(readProxyHeader(socket, options as ProxyHeaderReading), { code: 'ERR_ARGUMENT' });
  }
});

/** HAProxy with these lines, once it listens at `ready`. */
async function haproxy(t: TestContext, directory: string, lines: string, ready: string): Promise<void> {
  const file = `${directory}/haproxy.cfg`;
  const timeouts = ['connect', 'client', 'server'].map(what => `  timeout ${what} 20s`).join('\n');
  writeFileSync(file, `defaults\n  mode tcp\n${timeouts}\n${lines}\n`);
  start(t, [programPath('haproxy'), '-db', '-q', '-f', file]);
  await listened(ready);
}

/** A TCP port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise(closed => server.close(closed));
  return port;
}

test('HAProxy takes our header in the family that it knows, and checks its checksum', {
  skip: needs('linux', 'haproxy'),
}, async t => {
  const directory = ownDirectory(t);
  const behind = createServer(echo);
  await once(behind.listen(`${directory}/behind`), 'listening');
  t.after(() => behind.close());
  const lines = `
listen all
  bind unix@${directory}/front accept-proxy
  server one unix@${directory}/behind`;
  await haproxy(t, directory, lines, `${directory}/front`);
  const bytes = encodeProxyHeader(madeUpPeer({ uid: 1000 }), { family: 'ipv4' });
  for (const changed of [false, true]) {
    const sent = bytes.slice();
    if (changed) sent[sent.length - 1] = (sent.at(-1) ?? 0) ^ 1;
    const socket = await dial(t, `${directory}/front`);
    socket.write(Buffer.concat([sent, Buffer.from('hello')]));
    assert.equal(await everything(socket), changed ? '' : 'got hello');
  }
});

test('what HAProxy writes is read, and tells of no peer', {
  skip: needs('linux', 'haproxy'),
}, async t => {
  const { path, outcomes } = await openServer(t, {}, echo);
  const directory = ownDirectory(t);
  const port = await freePort();
  const lines = `
listen all
  bind unix@${directory}/front
  bind 127.0.0.1:${port}
  server one unix@${path} send-proxy-v2 proxy-v2-options crc32c,unique-id
  unique-id-format %pid`;
  await haproxy(t, directory, lines, `${directory}/front`);
  const readFrom = async (socket: Socket) => {
    const { localPort } = socket;
    socket.write('hello');
    assert.equal(await everything(socket), 'got hello');
    const read = outcomes.filter(outcome => outcome.read !== undefined).at(-1)?.read;
    assert.ok(read !== undefined);
    assert.equal(read.forwarded, undefined);
    assert.equal(read.by.uid, process.geteuid?.());
    assert.notEqual(read.by.pid, process.pid);
    return { source: read.source, localPort };
  };
  assert.equal((await readFrom(await dial(t, `${directory}/front`))).source, undefined);
  const tcp = connect(port, '127.0.0.1');
  await once(tcp, 'connect');
  const { source, localPort } = await readFrom(tcp);
  assert.deepEqual(source, { family: 'ipv4', address: '127.0.0.1', port: localPort });
});

test('nginx takes our header, and answers what follows it', {
  skip: needs('linux', 'nginx'),
}, async t => {
  const front = await nginx(t, {
    listen: 'proxy_protocol',
    server: 'location / { return 200 "at $host$uri"; }',
  });
  const socket = await dial(t, front);
  socket.write(
    Buffer.concat([header, Buffer.from('GET /a HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n')]),
  );
  assert.match(await everything(socket), /^HTTP\/1\.1 200 OK[\s\S]*at b\/a$/);
});

test(
  'what follows the header is the word of the peer that it names, and believed of nobody',
  asAnyone,
  async t => {
    const from = sameUserOnly();
    const http = createHttpServer((request, response) => {
      try {
        response.end(`uid ${forwardedPeer(request, { from }).peer.uid}`);
      } catch (error) {
        response.end((error as PeerError).code);
      }
    });
    const { path } = await openServer(t, {}, socket => void http.emit('connection', socket));
    const request = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nSockcred-Peer: 1;uid=0\r\n\r\n';
    const client = await dial(t, path);
    client.write(encodeProxyHeader(madeUpPeer({ uid: 1000 })));
    client.write(request);
    assert.match(await everything(client), /\r\nERR_PEER_REFUSED$/);

    const again = await openServer(t, {}, async socket => {
      await assert.rejects(
        readProxyHeader(socket, { from }),
        (error: unknown) => error instanceof PeerError && error.code === 'ERR_PEER_REFUSED',
      );
      http.emit('test: refused');
    });
    const refused = once(http, 'test: refused');
    const second = await dial(t, again.path);
    second.write(encodeProxyHeader(madeUpPeer({ uid: 1000 })));
    second.write(encodeProxyHeader(madeUpPeer({ uid: 0 })));
    await refused;
    assert.equal(await everything(second), '');
  },
);
