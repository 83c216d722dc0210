/** UnixStream and its server: whose bytes they are, with real writers of every kind. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { peerCredentials } from 'sockcred';
import {
  disagreesWith,
  isSentBy,
  type StreamMessage,
  UnixStream,
  UnixStreamServer,
  type UnixStreamServerOptions,
} from 'sockcred/messages';
import { closeDescriptor } from '../dist/sys/descriptor.js';
import { linuxSince } from '../dist/sys/kernel.js';
import { descriptorsOf, inodeBehind, openDescriptors, textBehind } from './support/open-descriptors.js';
import { connectScript, ownDirectory, python } from './support/peers.js';
import { needs } from './support/requirements.js';

const skip = needs('linux', 'python3');
const skipUsers = needs('linux', 'python3', 'root', 'setpriv');

async function serve(t: TestContext, options: UnixStreamServerOptions = {}) {
  const path = join(ownDirectory(t), 's');
  const server = new UnixStreamServer({ mode: 0o666, ...options });
  const waiting: UnixStream[] = [];
  server.on('connection', stream => {
    stream.on('error', () => {});
    t.after(() => stream.destroy());
    waiting.push(stream);
  });
  await server.listen(path);
  t.after(() => server.close());
  const next = async (): Promise<UnixStream> => {
    while (waiting.length === 0) await once(server, 'connection');
    return waiting.shift() as UnixStream;
  };
  return { path, server, next };
}

async function all(stream: UnixStream): Promise<StreamMessage[]> {
  const messages: StreamMessage[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

test('T40, V6: bytes of two writers on one connection are never joined', { skip: skipUsers }, async t => {
  const { path, next } = await serve(t);
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
  const messages = await all(stream);
  assert.equal(messages.length, 50, 'one chunk for each writer, though all of it was there at once');
  for (const { data, sender } of messages) {
    assert.ok(sender.uid === 1000 || sender.uid === 1001);
    assert.equal(String(data), `${sender.uid};`.repeat(3));
  }
});

test('T29: the speaker is told from the connector, chunk by chunk', { skip }, async t => {
  const { path, next } = await serve(t);
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
  const seen = (await all(stream)).map(({ data, sender }) => [
    String(data),
    disagreesWith(sender, connector),
  ]);
  assert.deepEqual(seen, [
    ['me', false],
    ['child', true],
  ]);
});

test('a thousand single bytes are all there, in order, with their sender', { skip }, async t => {
  const { path, next } = await serve(t);
  const script = 'for n in range(1000): s.send(bytes([n % 256]))\ns.close()';
  const peer = python(t, connectScript(script), { args: [path] });
  const messages = await all(await next());
  const bytes = Buffer.concat(messages.map(({ data }) => data));
  assert.deepEqual(bytes, Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 256)));
  assert.deepEqual(new Set(messages.map(({ sender }) => sender.pid)), new Set([peer.child.pid]));
});

test('T33: a setuid writer has its real id in the message', { skip: skipUsers }, async t => {
  const { path, next } = await serve(t);
  python(t, `os.setresuid(1000, 1001, 1002)\n${connectScript('s.sendall(b"x")\ns.close()')}`, {
    args: [path],
  });
  const [message] = await all(await next());
  assert.equal(message?.sender.uid, 1000);
  assert.equal(message?.sender.ids, 'real');
});

test('T43, V4: what a sender says of itself is told as possibly chosen, and the pidfd follows it', {
  skip: skipUsers,
}, async t => {
  const pidfds = linuxSince(6, 5);
  const { path, next } = await serve(t, { pidfds });
  const claim = (pid: string, uid: number) =>
    `s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("iII", ${pid}, ${uid}, 77))])`;
  python(t, connectScript(`${claim('os.getppid()', 4242)}\ns.close()`), { args: [path] });
  const [message] = await all(await next());
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
  const senders = (await all(await next())).map(({ sender }) => sender.uid);
  assert.deepEqual(senders, [1000, 1001, 1002]);
  assert.equal(await peer.line(), 'refused 0');
});

test('T46, V15: a server refuses descriptors, and the kernel their sender', { skip }, async t => {
  const { path, next } = await serve(t);
  const script = `
try:
    socket.send_fds(s, [b"with"], [os.open("/etc/hostname", 0)])
    say("sent")
except OSError as e: say(e.errno)
s.sendall(b"plain")
s.close()
`;
  const peer = python(t, connectScript(script), { args: [path] });
  const messages = await all(await next());
  const said = await peer.line();
  assert.ok(said === '1' || said === 'sent', 'EPERM since Linux 6.16');
  for (const { fds, fdsLost, data } of messages) {
    assert.equal(fds.length, 0);
    assert.equal(fdsLost, String(data).startsWith('with'));
  }
  assert.equal(descriptorsOf('/etc/hostname'), 0);
});

test('T46: 253 descriptors arrive close-on-exec, and are closed when they are not taken', {
  skip,
}, async t => {
  const { path, next } = await serve(t, { acceptFds: 253 });
  const script = 'socket.send_fds(s, [b"x"], [os.open("/etc/hostname", 0)] * 253)\ns.close()';
  python(t, connectScript(script), { args: [path] });
  const [message] = await all(await next());
  assert.equal(descriptorsOf('/etc/hostname'), 253);
  assert.equal(message?.fds.length, 253);
  assert.equal(message?.fdsLost, false);
  for (const { fd } of message?.fds ?? []) {
    const flags = /^flags:\s+0?(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0';
    assert.ok((Number.parseInt(flags, 8) & 0o2000000) !== 0, 'O_CLOEXEC');
  }
  const [first, ...others] = message?.fds ?? [];
  const taken = first?.take() ?? -1;
  assert.equal(first?.fd, -1);
  for (const fd of others) fd[Symbol.dispose]();
  assert.equal(textBehind(taken), readFileSync('/etc/hostname', 'utf8'));
  closeDescriptor(taken);
  assert.equal(descriptorsOf('/etc/hostname'), 0);
});

test('T46: a peer that floods descriptors leaves none, whether the stream is read or not', {
  skip,
}, async t => {
  for (const read of [true, false]) {
    const { path, server, next } = await serve(t, { acceptFds: 2 });
    const script = `
s.settimeout(0.2)
file = os.open("/etc/hostname", os.O_RDONLY)
sent = 0
try:
    while sent < 200: socket.send_fds(s, [b"x"], [file] * 20); sent += 1
except OSError: pass
s.close()
say(sent)
`;
    const peer = python(t, connectScript(script), { args: [path] });
    const stream = await next();
    if (read) {
      let count = 0;
      for await (const { fds, fdsLost } of stream) {
        assert.ok(fds.length <= 2);
        assert.equal(fdsLost, true);
        for (const fd of fds) fd.close();
        count++;
      }
      assert.equal(count, Number(await peer.line()));
    } else {
      stream.read(0);
      await peer.line();
      stream.destroy();
      await once(stream, 'close');
    }
    await server.close();
    assert.equal(descriptorsOf('/etc/hostname'), 0, 'nothing is left');
  }
});

test('a slow reader makes the writer wait, and gets every byte', { skip }, async t => {
  const { path, next } = await serve(t);
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
  const { path, next } = await serve(t);
  const client = UnixStream.connect(path);
  t.after(() => client.destroy());
  const stream = await next();
  const block = Buffer.alloc(300_000, 'ab');
  let full = 0;
  for (let count = 0; count < 20; count++) if (!client.write(block)) full++;
  assert.ok(full > 0, 'write() said that it is enough');
  client.end('end');
  const text = Buffer.concat((await all(stream)).map(({ data }) => data));
  assert.equal(text.length, 20 * block.length + 3);
  assert.equal(text.subarray(0, -3).equals(Buffer.alloc(6_000_000, 'ab')), true);
});

test('what goes along goes with its own bytes, also behind bytes that wait', { skip }, async t => {
  const [ours, theirs] = UnixStream.pair();
  t.after(() => ours.destroy());
  t.after(() => theirs.destroy());
  const file = openSync('/etc/hostname', 'r');
  ours.write(Buffer.alloc(1_000_000));
  ours.send('with file', { fds: [file] });
  closeSync(file);
  ours.write('after');
  ours.end();
  let bytes = 0;
  const files: [number, string][] = [];
  for await (const { data, fds } of theirs) {
    bytes += data.length;
    for (const fd of fds) {
      files.push([bytes, textBehind(fd.fd)]);
      fd.close();
    }
  }
  assert.equal(bytes, 1_000_000 + 'with fileafter'.length);
  assert.equal(files.length, 1);
  assert.equal(files[0]?.[1], readFileSync('/etc/hostname', 'utf8'));
});

test('thousands of pieces that each have something along arrive in order', { skip }, async t => {
  const [ours, theirs] = UnixStream.pair();
  t.after(() => ours.destroy());
  t.after(() => theirs.destroy());
  ours.write(Buffer.alloc(1_000_000));
  let expected = '';
  const credentials = { pid: process.pid, uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
  for (let count = 0; count < 5000; count++) {
    expected += `${count};`;
    if (count % 3 === 0) ours.write(`${count};`);
    else if (count % 3 === 1) ours.send(`${count};`, { credentials });
    else ours.send(`${count};`, count % 100 === 2 ? { fds: [0] } : {});
  }
  ours.end();
  let text = '';
  let descriptors = 0;
  for await (const { data, fds } of theirs) {
    text += String(data);
    descriptors += fds.length;
    for (const fd of fds) fd.close();
  }
  assert.equal(text.slice(1_000_000), expected);
  assert.equal(descriptors, 17);
});

test('descriptors that wait behind bytes are closed when nothing will be sent any more', {
  skip,
}, async t => {
  const before = descriptorsOf('/etc/hostname');
  const file = openSync('/etc/hostname', 'r');
  t.after(() => closeSync(file));
  for (const end of ['ours', 'theirs'] as const) {
    const [ours, theirs] = UnixStream.pair();
    ours.write(Buffer.alloc(1_000_000));
    for (let count = 0; count < 3; count++) ours.send('with file', { fds: [file, file] });
    assert.equal(descriptorsOf('/etc/hostname'), before + 7);
    const closed = new Promise(done => ours.on('close', done));
    (end === 'ours' ? ours : theirs).destroy();
    await closed;
    assert.equal(descriptorsOf('/etc/hostname'), before + 1);
    // What is refused at once is not held either.
    const late = new Promise<Error | null | undefined>(done => ours.send('late', { fds: [file] }, done));
    assert.ok(await late);
    assert.equal(descriptorsOf('/etc/hostname'), before + 1);
    theirs.destroy();
  }
});

test('T7: the other end closes while it is written to: an error, and no signal', { skip }, async t => {
  const { path, next } = await serve(t);
  const client = UnixStream.connect(path);
  const stream = await next();
  const failed = once(client, 'error');
  stream.destroy();
  client.write(Buffer.alloc(1_000_000));
  const [error] = (await failed) as [{ code: string }];
  assert.equal(error.code, 'ERR_PEER_CLOSED');
});

test('T45: a connecting stream gets no abstract name of its own', { skip }, async t => {
  const { path, next } = await serve(t);
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
  const { path, next } = await serve(t, { allowHalfOpen: true });
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

test('T66: ten thousand connections that send and go leave no descriptor', { skip }, async t => {
  const { path, server } = await serve(t);
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
