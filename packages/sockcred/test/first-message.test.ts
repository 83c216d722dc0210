/** firstMessageCredentials() on connections of an ordinary net.Server, with real senders. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PeerError, PeerTypeError, peerCredentials } from 'sockcred';
import { credentialListener, disagreesWith, firstMessageCredentials, isSentBy } from 'sockcred/messages';
import { linuxSince } from '../dist/sys/kernel.js';
import { openDirectory, ownDirectory } from './support/directories.js';
import { openDescriptors } from './support/open-descriptors.js';
import { connectScript, openServer, python } from './support/peers.js';
import { needs } from './support/requirements.js';

const skip = needs('linux', 'python3');
const skipUsers = needs('linux', 'python3', 'root', 'setpriv');

async function listening(
  t: TestContext,
): Promise<{ path: string; server: Server; next: () => Promise<Socket> }> {
  const path = join(ownDirectory(t), 's');
  const server = createServer({ pauseOnConnect: true });
  const waiting: Socket[] = [];
  server.on('connection', socket => {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    waiting.push(socket);
  });
  await credentialListener(server, path, { mode: 0o666 });
  t.after(() => server.close());
  return {
    path,
    server,
    async next() {
      while (waiting.length === 0) await once(server, 'connection');
      return waiting.shift() as Socket;
    },
  };
}

async function everything(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

test('the first byte has its sender, and the stream goes on whole', { skip: skipUsers }, async t => {
  const { path, next } = await listening(t);
  python(t, connectScript('s.sendall(b"hello"); time.sleep(0.05); s.sendall(b" there"); s.close()'), {
    uid: 1234,
    gid: 100,
    groups: [],
    args: [path],
  });
  const socket = await next();
  const sender = await firstMessageCredentials(socket);
  assert.equal(sender.uid, 1234);
  assert.equal(sender.gid, 100);
  assert.equal(sender.ids, 'real');
  assert.equal(sender.chosenBy, 'kernel-or-sender');
  assert.deepEqual(sender.evidence.uid, {
    known: true,
    about: 'sender',
    source: 'SCM_CREDENTIALS',
    captured: 'send',
  });
  assert.equal(disagreesWith(sender, peerCredentials(socket)), false);
  assert.deepEqual(await firstMessageCredentials(socket), sender, 'it can be asked again');
  assert.equal(await everything(socket), 'hello there');
  await assert.rejects(firstMessageCredentials(socket), PeerError);
});

test('a sender that writes later than it connects is waited for', { skip }, async t => {
  const { path, next } = await listening(t);
  const peer = python(t, connectScript('say("connected"); hear(); s.sendall(b"x")'), { args: [path] });
  const socket = await next();
  const asked = firstMessageCredentials(socket);
  await peer.line();
  peer.tell('write');
  assert.equal((await asked).pid, peer.child.pid);
  socket.resume();
});

test('the NUL of a D-Bus handshake is consumed, and nothing else', { skip }, async t => {
  const { path, next } = await listening(t);
  connect(path).end('\0AUTH EXTERNAL\r\n');
  const socket = await next();
  assert.equal((await firstMessageCredentials(socket, { consumeNul: true })).pid, process.pid);
  assert.equal(await everything(socket), 'AUTH EXTERNAL\r\n');

  connect(path).end('AUTH');
  const other = await next();
  await assert.rejects(firstMessageCredentials(other, { consumeNul: true }), { code: 'ERR_MESSAGE_NOT_NUL' });
  assert.equal(await everything(other), 'AUTH', 'a byte that is not NUL stays');
});

test('T29, V13: the speaker is not the connector', { skip }, async t => {
  const { path, next } = await listening(t);
  const script = `
pid = os.fork()
if pid == 0:
    s.sendall(b"x")
    os._exit(0)
say(pid)
os.waitpid(pid, 0)
`;
  const peer = python(t, connectScript(script), { args: [path] });
  const socket = await next();
  const sender = await firstMessageCredentials(socket);
  const connector = peerCredentials(socket);
  assert.equal(sender.pid, Number(await peer.line()));
  assert.equal(connector.pid, peer.child.pid);
  assert.equal(disagreesWith(sender, connector), true);
});

test('T33, V4: of a setuid sender the message has the real id, the connection the effective one', {
  skip: skipUsers,
}, async t => {
  const { path, next } = await listening(t);
  python(t, `os.setresuid(1000, 1001, 1002)\n${connectScript('s.sendall(b"x")')}`, { args: [path] });
  const socket = await next();
  const sender = await firstMessageCredentials(socket);
  assert.equal(sender.uid, 1000);
  assert.equal(peerCredentials(socket).uid, 1001);
  assert.equal(isSentBy(sender, 1001), false);
  assert.equal(disagreesWith(sender, peerCredentials(socket)), false, 'it is the same process');
});

test('T39, V5: asked for too late, nobody is recorded, and nobody is not a user', { skip }, async t => {
  const path = join(openDirectory(t), 's');
  const { next } = await openServer(t, path);
  const peer = python(t, connectScript('say("ready"); hear(); s.sendall(b"x"); say("sent")'), {
    args: [path],
  });
  const socket = await next();
  await peer.line();
  peer.tell('send');
  await peer.line();
  const sender = await firstMessageCredentials(socket);
  assert.deepEqual(Object.keys(sender), ['evidence']);
  for (const fact of Object.values(sender.evidence)) {
    assert.equal(fact.known, false);
    assert.equal(fact.known ? '' : fact.reason, 'not-recorded');
  }
  assert.equal(isSentBy(sender, 65534), false);
  assert.equal(disagreesWith(sender, peerCredentials(socket)), true, 'an unknown speaker is not agreed with');
});

test('T39: with the option on before listen(), what is sent at once is recorded', { skip }, async t => {
  const { path, next } = await listening(t);
  for (let count = 0; count < 20; count++) {
    connect(path)
      .on('error', () => {})
      .end('x');
    const socket = await next();
    assert.equal((await firstMessageCredentials(socket)).pid, process.pid);
    socket.destroy();
  }
});

test('waiting ends with its time, its signal, the end of the other side and the closing of the socket', {
  skip,
}, async t => {
  const { path, next } = await listening(t);
  const open = async (): Promise<[Socket, Socket]> => {
    const client = connect(path);
    client.on('error', () => {});
    t.after(() => client.destroy());
    return [client, await next()];
  };
  const [, silent] = await open();
  await assert.rejects(firstMessageCredentials(silent, { timeoutMs: 30 }), { code: 'ERR_MESSAGE_TIMEOUT' });

  const abort = new AbortController();
  const waiting = firstMessageCredentials(silent, { signal: abort.signal });
  abort.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);

  const [gone, left] = await open();
  const ended = assert.rejects(firstMessageCredentials(left), { code: 'ERR_MESSAGE_END' });
  gone.destroy();
  await ended;

  const [, closing] = await open();
  const closed = assert.rejects(firstMessageCredentials(closing), { code: 'ERR_PEER_CLOSED' });
  closing.destroy();
  await closed;
  await assert.rejects(firstMessageCredentials(closing), { code: 'ERR_PEER_CLOSED' });
});

test('a socket that is being read is refused', { skip }, async t => {
  const path = join(openDirectory(t), 's');
  const server = createServer().listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const client = connect(path);
  t.after(() => client.destroy());
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => socket.destroy());
  await assert.rejects(firstMessageCredentials(socket), (error: unknown) => {
    assert.ok(error instanceof PeerTypeError, 'the same class in both entry points');
    assert.equal(error.code, 'ERR_SOURCE_READ');
    return true;
  });
});

test('a byte out of band is nothing to look at, and does not make the waiting busy', {
  skip: skip || (linuxSince(5, 15) ? false : 'needs Linux 5.15, which has bytes out of band'),
}, async t => {
  const { path, next } = await listening(t);
  const script = 's.send(b"!", socket.MSG_OOB); say("sent"); hear(); s.sendall(b"x")';
  const peer = python(t, connectScript(script), { args: [path] });
  const socket = await next();
  await peer.line();
  const before = process.cpuUsage();
  const asked = firstMessageCredentials(socket);
  await new Promise(done => setTimeout(done, 300));
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 250_000, 'most of the time was slept');
  peer.tell('go');
  assert.equal((await asked).pid, peer.child.pid);
});

test('a peer that does not read, while its first message is waited for, ends nothing', { skip }, async t => {
  const { path, next } = await listening(t);
  const script =
    'say("ready"); hear(); s.sendall(b"x"); hear(); n = 0\nwhile n < 4000000: n += len(s.recv(65536))\nsay(n)';
  const peer = python(t, connectScript(script), { args: [path] });
  const socket = await next();
  const asked = firstMessageCredentials(socket);
  await peer.line();
  // More than fits: the runtime itself waits for this descriptor to be writable.
  const flushed = new Promise(done => socket.write(Buffer.alloc(4_000_000), done));
  await new Promise(setImmediate);
  peer.tell('write');
  assert.equal((await asked).pid, peer.child.pid);
  peer.tell('read');
  socket.resume();
  await flushed;
  assert.equal(await peer.line(), '4000000');
});

test('T46: descriptors beside the first byte are closed by looking at it', { skip }, async t => {
  const { path, next } = await listening(t);
  const script = 'socket.send_fds(s, [b"x"], [0, 1, 2]); say("sent")';
  const peer = python(t, connectScript(script), { args: [path] });
  const socket = await next();
  await peer.line();
  await firstMessageCredentials(socket);
  const before = openDescriptors();
  for (let count = 0; count < 100; count++) await firstMessageCredentials(socket);
  assert.equal(openDescriptors(), before);
});

test('a thousand silent peers slow nothing down, and none is lost', { skip }, async t => {
  const { path, next } = await listening(t);
  const script = `
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
all = []
for n in range(1000):
    c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1]); all.append(c)
say("connected")
hear()
for c in all: c.sendall(b"x")
hear()
`;
  const peer = python(t, script, { args: [path] });
  const asked: Promise<unknown>[] = [];
  for (let count = 0; count < 1000; count++)
    asked.push(firstMessageCredentials(await next(), { timeoutMs: 50_000 }));
  await peer.line();
  connect(path)
    .on('error', () => {})
    .end('x');
  assert.equal(
    (await firstMessageCredentials(await next())).pid,
    process.pid,
    'one that speaks is heard at once',
  );
  peer.tell('speak');
  const pids = (await Promise.all(asked)).map(sender => (sender as { pid?: number }).pid);
  assert.deepEqual(new Set(pids), new Set([peer.child.pid]));
});
