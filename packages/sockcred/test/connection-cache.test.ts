/** One answer per connection: not per object, and never another connection's. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, request } from 'node:http';
import { connect, createServer, Socket } from 'node:net';
import { test } from 'node:test';
import { createServer as createTlsServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { PeerError, peerCredentials } from 'sockcred';
import { openDirectory } from './support/directories.js';
import { acceptFrom, connectScript, descriptorNumber, openServer, python } from './support/peers.js';
import { needs } from './support/requirements.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };
/** Requests that show their connection, TLS without certificates; runtimes/ has the others. */
const inNode = { skip: needs('linux', 'node') };
const asAnyone = { skip: needs('linux') };

const LISTEN = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o666); s.listen()
say('listening')
c, _ = s.accept()
hear()
c.close()
hear()`;

test(
  'a second question about the same connection has the same answer, without a system call',
  asRoot,
  async t => {
    const { socket } = await acceptFrom(t, { uid: 1234, gid: 1234 });
    const first = peerCredentials(socket);
    assert.equal(peerCredentials(socket), first);
  },
);

test('T9: after a close the answer from before stays', asRoot, async t => {
  const { socket } = await acceptFrom(t, { uid: 1234, gid: 1234 });
  const first = peerCredentials(socket);
  socket.destroy();
  assert.equal(peerCredentials(socket), first, 'while closing');
  await once(socket, 'close');
  assert.equal(peerCredentials(socket), first, 'once closed');
});

test('T8: a descriptor is asked anew each time', asRoot, async t => {
  const path = `${openDirectory(t)}/s`;
  const { next } = await openServer(t, path);
  const second = python(t, `say('ready'); hear()\n${connectScript()}`, {
    uid: 2002,
    gid: 2002,
    args: [path],
  });
  await second.line();
  python(t, connectScript(), { uid: 1001, gid: 1001, args: [path] });
  const socket = await next();
  const fd = descriptorNumber(socket);
  assert.equal(peerCredentials(fd).uid, 1001);
  assert.equal(peerCredentials(socket).uid, 1001);
  socket.destroy();
  await once(socket, 'close');
  second.tell('go');
  await next();
  assert.equal(peerCredentials(fd).uid, 2002, 'the number is another connection now');
  assert.equal(peerCredentials(socket).uid, 1001, 'the socket is not');
});

test('T73: a net.Socket that connects again is asked anew', asRoot, async t => {
  const directory = openDirectory(t);
  const listeners = await Promise.all(
    [2001, 2002].map(async uid => {
      const path = `${directory}/${uid}`;
      const peer = python(t, LISTEN, { uid, gid: uid, groups: [], args: [path] });
      await peer.line();
      return { path, peer };
    }),
  );
  const socket = new Socket();
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  const uids: (number | undefined)[] = [];
  for (const { path, peer } of listeners) {
    socket.connect(path);
    await once(socket, 'connect');
    const found = peerCredentials(socket);
    assert.equal(peerCredentials(socket), found);
    uids.push(found.uid);
    peer.tell('close');
    socket.resume();
    await once(socket, 'close');
    assert.equal(peerCredentials(socket), found, 'between two connections the last answer stays');
  }
  assert.deepEqual(uids, [2001, 2002]);
});

test('T73: a second connection that fails leaves no answer of its own', asRoot, async t => {
  const directory = openDirectory(t);
  const peer = python(t, LISTEN, { uid: 2001, gid: 2001, args: [`${directory}/s`] });
  await peer.line();
  const socket = connect(`${directory}/s`);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  assert.equal(peerCredentials(socket).uid, 2001);
  socket.destroy();
  await once(socket, 'close');
  socket.connect(`${directory}/missing`);
  try {
    // Whatever it says while the second attempt is under way, it is not the first peer with a new handle.
    const handle = (socket as Socket & { _handle: { fd: number } | null })._handle;
    if (handle !== null) assert.throws(() => peerCredentials(socket), PeerError);
  } finally {
    await once(socket, 'error');
  }
});

test(
  'asking with another side changes the role and what follows from it, nothing else',
  asAnyone,
  async t => {
    const path = `${openDirectory(t)}/s`;
    const server = createServer().listen(path);
    t.after(() => server.close());
    await once(server, 'listening');
    const client = connect(path);
    t.after(() => client.destroy());
    const [accepted] = (await once(server, 'connection')) as [Socket];
    t.after(() => accepted.destroy());
    assert.equal(peerCredentials(client).role, undefined, 'this process is recorded: listener or creator');
    const listener = peerCredentials(client, { side: 'connected' });
    assert.equal(listener.role, 'listener');
    assert.deepEqual(listener.evidence.uid, {
      known: true,
      about: 'listener',
      source: 'SO_PEERCRED',
      captured: 'listen',
    });
    const pair = peerCredentials(client, { side: 'pair' });
    assert.deepEqual(pair.evidence.groups, {
      known: true,
      about: 'creator',
      source: 'SO_PEERGROUPS',
      captured: 'socketpair',
    });
    const { role, evidence, ...facts } = pair;
    const { role: _, evidence: __, ...same } = listener;
    assert.equal(role, 'creator');
    assert.equal(evidence.role.known && evidence.role.source, 'caller');
    assert.deepEqual(facts, same);
    client.destroy();
    await once(client, 'close');
    assert.equal(peerCredentials(client, { side: 'connected' }).role, 'listener', 'also after the end');
    assert.equal(peerCredentials(accepted).role, 'connector');
  },
);

test('an http request is asked by its socket, and so is a response', inNode, async t => {
  const path = `${openDirectory(t)}/s`;
  const server = createHttpServer((incoming, response) => {
    assert.equal(peerCredentials(incoming), peerCredentials(incoming.socket));
    response.end(`${peerCredentials(incoming).pid}`);
  }).listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const [response] = (await once(request({ socketPath: path }).end(), 'response')) as [IncomingMessage];
  assert.equal(peerCredentials(response, { side: 'connected' }).pid, process.pid);
  const [body] = (await once(response, 'data')) as [Buffer];
  assert.equal(body.toString(), `${process.pid}`);
});

test('a TLS socket is asked by the socket under it, on both sides', inNode, async t => {
  const path = `${openDirectory(t)}/s`;
  const psk = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
  const secure = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
  const server = createTlsServer({ ...secure, pskCallback: () => psk, pskIdentityHint: '' }).listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const client = tlsConnect({
    ...secure,
    path,
    pskCallback: () => ({ psk, identity: 'i' }),
    checkServerIdentity: () => undefined,
  });
  t.after(() => client.destroy());
  const [accepted] = (await once(server, 'secureConnection')) as [TLSSocket];
  t.after(() => accepted.destroy());
  const found = peerCredentials(accepted);
  assert.equal(found.uid, process.geteuid?.());
  assert.equal(found.pid, process.pid);
  assert.equal(found.role, 'connector');
  assert.equal(peerCredentials(client, { side: 'connected' }).role, 'listener');
  client.destroy();
  accepted.destroy();
  assert.equal(peerCredentials(accepted), found);
});
