/** UnixStream and its server: whose bytes they are, with real writers of every kind. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { PeerError, PeerTypeError, peerCredentials } from 'sockcred';
import { disagreesWith, isSentBy, type StreamMessage, UnixStream, UnixStreamServer } from 'sockcred/messages';
import { linuxSince } from '../dist/sys/kernel.js';
import { ownDirectory } from './support/directories.js';
import { inodeBehind, openDescriptors } from './support/open-descriptors.js';
import { connectScript, python } from './support/peers.js';
import { needs } from './support/requirements.js';
import { allMessages, streamServer } from './support/unix-streams.js';

const skip = needs('linux', 'python3');
const skipUsers = needs('linux', 'python3', 'root', 'setpriv');

test('T40, V6: bytes of two writers on one connection are never joined', { skip: skipUsers }, async t => {
  const { path, next } = await streamServer(t);
  const script = `
for n in range(50):
    pid = os.fork()
    if pid == 0:
        os.setresuid(1000 + n % 2, 1000 + n % 2, 1000 + n % 2)
        s.sendall(b"%d;" % (1000 + n % 2) * 3)
        os._exit(0)
    os.waitpid(pid, 0)
s.close()
say("done")
`;
  const peer = python(t, connectScript(script), { args: [path] });
  const stream = await next();
  await peer.line();
  const messages = await allMessages(stream);
  assert.equal(messages.length, 50, 'one chunk for each writer, though all of it was there at once');
  for (const { data, sender } of messages) {
    assert.ok(sender.uid === 1000 || sender.uid === 1001);
    assert.equal(String(data), `${sender.uid};`.repeat(3));
  }
});

test('T29: the speaker is told from the connector, chunk by chunk', { skip }, async t => {
  const { path, next } = await streamServer(t);
  const script = `
s.sendall(b"me")
pid = os.fork()
if pid == 0:
    s.sendall(b"child")
    os._exit(0)
os.waitpid(pid, 0)
s.close()
`;
  python(t, connectScript(script), { args: [path] });
  const stream = await next();
  const connector = peerCredentials(stream.fd);
  const seen = (await allMessages(stream)).map(({ data, sender }) => [
    String(data),
    disagreesWith(sender, connector),
  ]);
  assert.deepEqual(seen, [
    ['me', false],
    ['child', true],
  ]);
});

test('a thousand single bytes are all there, in order, with their sender', { skip }, async t => {
  const { path, next } = await streamServer(t);
  const script = 'for n in range(1000): s.send(bytes([n % 256]))\ns.close()';
  const peer = python(t, connectScript(script), { args: [path] });
  const messages = await allMessages(await next());
  const bytes = Buffer.concat(messages.map(({ data }) => data));
  assert.deepEqual(bytes, Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 256)));
  assert.deepEqual(new Set(messages.map(({ sender }) => sender.pid)), new Set([peer.child.pid]));
});

test('T33: a setuid writer has its real id in the message', { skip: skipUsers }, async t => {
  const { path, next } = await streamServer(t);
  python(t, `os.setresuid(1000, 1001, 1002)\n${connectScript('s.sendall(b"x")\ns.close()')}`, {
    args: [path],
  });
  const [message] = await allMessages(await next());
  assert.equal(message?.sender.uid, 1000);
  assert.equal(message?.sender.ids, 'real');
});

test('T43, V4: what a sender says of itself is told as possibly chosen, and the pidfd follows it', {
  skip: skipUsers,
}, async t => {
  const pidfds = linuxSince(6, 5);
  const { path, next } = await streamServer(t, { pidfds });
  const claim = (pid: string, uid: number) =>
    `s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("iII", ${pid}, ${uid}, 77))])`;
  python(t, connectScript(`${claim('os.getppid()', 4242)}\ns.close()`), { args: [path] });
  const [message] = await allMessages(await next());
  assert.equal(message?.sender.uid, 4242, 'root may claim anybody');
  assert.equal(message?.sender.pid, process.pid, 'and any process');
  assert.equal(message?.sender.chosenBy, 'kernel-or-sender');
  if (pidfds) {
    const info = readFileSync(`/proc/self/fdinfo/${message?.pidfd?.fd}`, 'latin1');
    const pid = /^Pid:\s+(\d+)$/m.exec(info)?.[1];
    assert.equal(Number(pid), process.pid, 'a process descriptor is no second witness');
    message?.pidfd?.close();
  } else assert.throws(() => UnixStream.pair({ pidfds: true }), { code: 'ERR_PEER_UNSUPPORTED' });

  // Not root: the ids of others are refused by the kernel, its own are not.
  const script = `
os.setresuid(1000, 1001, 1002)
for uid in (1000, 1001, 1002, 0):
    try:
        s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("iII", os.getpid(), uid, os.getgid()))])
    except PermissionError: say("refused", uid)
s.close()
`;
  const peer = python(t, connectScript(script), { args: [path] });
  const senders = (await allMessages(await next())).map(({ sender }) => sender.uid);
  assert.deepEqual(senders, [1000, 1001, 1002]);
  assert.equal(await peer.line(), 'refused 0');
});

test('a slow reader makes the writer wait, and gets every byte', { skip }, async t => {
  const { path, next } = await streamServer(t);
  const script = `
s.setblocking(False)
sent = 0
try:
    while sent < 50000000: sent += s.send(b"x" * 65536)
except BlockingIOError: pass
say(sent)
s.close()
`;
  const peer = python(t, connectScript(script), { args: [path] });
  const stream = await next();
  stream.read(0);
  const sent = Number(await peer.line());
  assert.ok(sent < 50_000_000, 'the kernel held the writer back: it was not all read ahead');
  let received = 0;
  for await (const { data } of stream) {
    received += data.length;
    await new Promise(setImmediate);
  }
  assert.equal(received, sent);
});

test('a writer waits for a slow reader, and all arrives in order', { skip }, async t => {
  const { path, next } = await streamServer(t);
  const client = UnixStream.connect(path);
  t.after(() => client.destroy());
  const stream = await next();
  const block = Buffer.alloc(300_000, 'ab');
  let full = 0;
  for (let count = 0; count < 20; count++) if (!client.write(block)) full++;
  assert.ok(full > 0, 'write() said that it is enough');
  client.end('end');
  const text = Buffer.concat((await allMessages(stream)).map(({ data }) => data));
  assert.equal(text.length, 20 * block.length + 3);
  assert.equal(text.subarray(0, -3).equals(Buffer.alloc(6_000_000, 'ab')), true);
});

test('T7: the other end closes while it is written to: an error, and no signal', { skip }, async t => {
  const { path, next } = await streamServer(t);
  const client = UnixStream.connect(path);
  const stream = await next();
  const failed = once(client, 'error');
  stream.destroy();
  client.write(Buffer.alloc(1_000_000));
  const [error] = (await failed) as [{ code: string }];
  assert.equal(error.code, 'ERR_PEER_CLOSED');
});

test('T45: a connecting stream gets no abstract name of its own', { skip }, async t => {
  const { path, next } = await streamServer(t);
  const client = UnixStream.connect(path);
  t.after(() => client.destroy());
  const stream = await next();
  assert.equal(peerCredentials(stream.fd).role, 'connector');
  const inode = inodeBehind(client.fd);
  const line = readFileSync('/proc/net/unix', 'latin1')
    .split('\n')
    .find(each => each.split(/\s+/)[6] === String(inode));
  assert.ok(line !== undefined);
  assert.equal(line.split(/\s+/)[7] ?? '', '', 'it is unnamed');
});

test('streams end as others do, with the error and the half that is left', { skip }, async t => {
  const { path, next } = await streamServer(t, { allowHalfOpen: true });
  const client = connect(path);
  t.after(() => client.destroy());
  client.end('question');
  const stream = await next();
  let answer = '';
  client.on('data', data => {
    answer += String(data);
  });
  stream.on('data', ({ data, sender }: StreamMessage) => {
    assert.equal(String(data), 'question');
    assert.equal(isSentBy(sender, process.getuid?.() ?? -1), true);
  });
  await once(stream, 'end');
  stream.end('answer');
  await once(client, 'end');
  assert.equal(answer, 'answer');
  assert.throws(() => UnixStream.connect(join(path, 'nobody')), {
    code: 'ERR_PEER_SYSTEM',
    errno: 'ENOTDIR',
  });
});

test('a server listens once, and nowhere if it is closed before', { skip }, async t => {
  const path = `${ownDirectory(t)}/server`;
  const server = new UnixStreamServer();
  t.after(() => server.close());
  const closed = (error: unknown) => error instanceof PeerError && error.code === 'ERR_PEER_CLOSED';
  const first = assert.rejects(server.listen(path), closed);
  const second = assert.rejects(server.listen(`${path}2`), PeerTypeError);
  await server.close();
  await first;
  await second;
  assert.equal(server.path, undefined);
  assert.throws(() => UnixStream.connect(path), PeerError);
  await server.listen(path);
  UnixStream.connect(path).destroy();
});

test('T66: ten thousand connections that send and go leave no descriptor', { skip }, async t => {
  const { path, server } = await streamServer(t);
  server.removeAllListeners('connection');
  let ended = 0;
  let all = () => {};
  const done = new Promise<void>(resolve => {
    all = resolve;
  });
  const pids = new Set<number | undefined>();
  server.on('connection', stream => {
    stream.on('data', ({ sender }: StreamMessage) => pids.add(sender.pid));
    stream.on('error', () => {});
    stream.on('close', () => {
      if (++ended === 10_000) all();
    });
  });
  const script = `
def connections(count):
    for n in range(count):
        c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1]); c.send(b"x"); c.close()
connections(100)
say("begun"); hear()
connections(9900)
hear()
`;
  const peer = python(t, script, { args: [path] });
  await peer.line();
  while (ended < 100) await new Promise(setImmediate);
  // The runtime's own for its child are among them.
  const before = openDescriptors();
  peer.tell('go on');
  await done;
  assert.deepEqual(pids, new Set([peer.child.pid]));
  assert.ok(openDescriptors() <= before);
  peer.tell('end');
});
