/** UnixDatagramSocket and seqpacket connections, with programs that nobody here wrote. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PeerError } from 'sockcred';
import {
  type PacketInfo,
  UnixDatagramSocket,
  UnixSeqpacketServer,
  UnixSeqpacketSocket,
} from 'sockcred/messages';
import { ownDirectory } from './support/directories.js';
import { descriptorsOf } from './support/open-descriptors.js';
import { python, runAs, start } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';

const skip = needs('linux', 'python3');
const skipUsers = needs('linux', 'python3', 'root', 'setpriv');

type Packet = [Buffer, PacketInfo];

async function receiver(t: TestContext, options: Parameters<typeof UnixDatagramSocket.bound>[1] = {}) {
  const path = join(ownDirectory(t), 's');
  const socket = await UnixDatagramSocket.bound(path, { mode: 0o666, ...options });
  t.after(() => socket.close());
  return { path, socket };
}

/** So many messages of a socket. */
function packets(socket: UnixDatagramSocket | UnixSeqpacketSocket, count: number): Promise<Packet[]> {
  return new Promise((resolve, reject) => {
    const got: Packet[] = [];
    socket.once('error', reject);
    socket.on('message', (data, info) => {
      if (got.push([data, info]) === count) resolve(got);
    });
  });
}

const SEND = `
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
`;

test('datagrams have their senders, and whose they are is not what their name says', {
  skip: skipUsers,
}, async t => {
  const { path, socket } = await receiver(t);
  const got = packets(socket, 3);
  const script = `
${SEND}
s.bind("\\0org.example.root-service")
s.sendto(b"one", sys.argv[1]); s.sendto(b"", sys.argv[1]); s.sendto(b"three", sys.argv[1])
hear()
`;
  const peer = python(t, script, { uid: 1234, gid: 100, groups: [], args: [path] });
  const all = await got;
  assert.deepEqual(
    all.map(([data]) => String(data)),
    ['one', '', 'three'],
  );
  for (const [data, { sender, from, size, truncated, fds }] of all) {
    assert.deepEqual([sender.uid, sender.gid, sender.pid], [1234, 100, peer.child.pid]);
    assert.deepEqual(
      [from, size, truncated, fds.length],
      ['@org.example.root-service', data.length, false, 0],
    );
  }
});

test('V7: an empty datagram carries its sender', { skip }, async t => {
  const { path, socket } = await receiver(t);
  const got = packets(socket, 1);
  const sending = UnixDatagramSocket.open();
  t.after(() => sending.close());
  sending.send('', path);
  const [[data, info] = []] = await got;
  assert.equal(data?.length, 0);
  assert.equal(info?.sender.pid, process.pid);
});

test('a message that is too long is cut, and says so', { skip }, async t => {
  const { path, socket } = await receiver(t, { maxMessageBytes: 100 });
  const got = packets(socket, 2);
  const sending = UnixDatagramSocket.open();
  t.after(() => sending.close());
  sending.send(Buffer.alloc(5000, 1), path);
  sending.send('short', path);
  const [[cut, info] = [], [whole] = []] = await got;
  assert.deepEqual([cut?.length, info?.size, info?.truncated], [100, 5000, true]);
  assert.equal(String(whole), 'short');
});

test('longer messages than usual are received where that is asked for', { skip }, async t => {
  const { path, socket } = await receiver(t, { maxMessageBytes: 200_000 });
  const got = packets(socket, 1);
  const sending = UnixDatagramSocket.open().connect(path);
  t.after(() => sending.close());
  sending.send(Buffer.alloc(150_000, 7));
  const [[data, info] = []] = await got;
  assert.equal(data?.equals(Buffer.alloc(150_000, 7)), true);
  assert.equal(info?.truncated, false);
});

test('what cannot be sent is told by code', { skip: skipUsers }, async t => {
  const { path, socket } = await receiver(t);
  const sending = UnixDatagramSocket.open();
  t.after(() => sending.close());
  const failure = (to: string | undefined, data: string | Uint8Array = 'x', more = {}) =>
    new Promise<string>(resolve => {
      sending.send(data, to, more, error => resolve(error instanceof PeerError ? error.code : String(error)));
    });
  assert.equal(await failure(`${path}-nobody`), 'ERR_SEND_NOBODY');
  assert.equal(await failure(join(path, 'below')), 'ERR_SEND_NOBODY');
  assert.equal(await failure('@sockcred-nobody-is-here'), 'ERR_SEND_NOBODY');
  assert.equal(await failure(undefined), 'ERR_PEER_NOT_CONNECTED');
  assert.equal(await failure(path, Buffer.alloc(5_000_000)), 'ERR_SEND_TOO_LONG');
  assert.equal(await failure(path, 'x', { fds: [999_999] }), 'ERR_SEND_FDS');
  assert.equal(
    await failure(path, 'x', { credentials: { pid: 0x7ffffffe, uid: 0, gid: 0 } }),
    'ERR_SEND_CLAIM',
  );
  const gone = once(socket, 'close');
  socket.close();
  await gone;
  assert.ok(!existsSync(path), 'the file goes with the socket');
  assert.equal(await failure(path), 'ERR_SEND_NOBODY');
  sending.close();
  assert.equal(await failure(path), 'ERR_PEER_CLOSED');
});

test('messages wait in order for a receiver that does not read, connected or not', { skip }, async t => {
  for (const connected of [true, false]) {
    const path = join(ownDirectory(t), 's');
    const script = `
r = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); r.bind(sys.argv[1])
say("bound"); hear()
for n in range(300): assert r.recv(100) == b"%d" % n, n
say("all")
`;
    const peer = python(t, script, { args: [path] });
    await peer.line();
    const sending = UnixDatagramSocket.open();
    t.after(() => sending.close());
    if (connected) sending.connect(path);
    const sent: Promise<Error | null>[] = [];
    for (let count = 0; count < 300; count++) {
      sent.push(new Promise(done => sending.send(String(count), connected ? undefined : path, done)));
    }
    await new Promise(done => setTimeout(done, 20));
    peer.tell('read');
    assert.deepEqual(new Set(await Promise.all(sent)), new Set([null]));
    assert.equal(await peer.line(), 'all');
    sending.close();
  }
});

test('many messages are sent and received in few calls, each whole and in order', { skip }, async t => {
  const [ours, theirs] = UnixDatagramSocket.pair();
  t.after(() => ours.close());
  t.after(() => theirs.close());
  const list = Array.from({ length: 1000 }, (_, index) => Buffer.from(`message ${index}`));
  const got = packets(theirs, list.length);
  let sent = 0;
  while (sent < list.length) {
    sent += ours.sendMany(list.slice(sent));
    await new Promise(setImmediate);
  }
  assert.deepEqual(
    (await got).map(([data]) => String(data)),
    list.map(String),
  );
});

test('T45: a socket that only sends gets no name, and one that is bound keeps its own', { skip }, async t => {
  const { path, socket } = await receiver(t);
  const got = packets(socket, 1);
  const sending = UnixDatagramSocket.open().connect(path);
  t.after(() => sending.close());
  sending.send('x');
  const [[, info] = []] = await got;
  assert.equal(info?.from, undefined);
  assert.equal(info?.sender.pid, process.pid);
});

test('T46: descriptors are refused or closed unless they are wanted', { skip }, async t => {
  const { path, socket } = await receiver(t);
  const script = `
${SEND}
s.connect(sys.argv[1])
file = os.open("/etc/hostname", 0)
for n in range(50):
    try: socket.send_fds(s, [b"x"], [file] * 50)
    except PermissionError: pass
s.send(b"last")
say("sent")
`;
  const last = new Promise<void>(done => {
    socket.on('message', (data, { fds }) => {
      assert.equal(fds.length, 0);
      if (String(data) === 'last') done();
    });
  });
  const peer = python(t, script, { args: [path] });
  await peer.line();
  await last;
  assert.equal(descriptorsOf('/etc/hostname'), 0);
});

test('a socket file: its mode, a dead one, and a live one', { skip }, async t => {
  const { path } = await receiver(t, { mode: 0o620 });
  assert.equal(statSync(path).mode & 0o777, 0o620);
  await assert.rejects(UnixDatagramSocket.bound(path), { code: 'ERR_LISTEN_IN_USE' });
  const other = join(ownDirectory(t), 'dead');
  const script = `${SEND}\ns.bind(${JSON.stringify(other)})`;
  assert.equal(await python(t, script).exited, 0);
  const replaced = await UnixDatagramSocket.bound(other);
  replaced.close();
});

test('seqpacket connections keep messages whole and know an empty one from the end', { skip }, async t => {
  const path = join(ownDirectory(t), 's');
  const server = new UnixSeqpacketServer();
  t.after(() => server.close());
  await server.listen(path);
  const script = `
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1])
s.send(b"a"); s.send(b""); s.send(b"ccc")
say(s.recv(100).decode())
s.close()
`;
  const connection = once(server, 'connection');
  const peer = python(t, script, { args: [path] });
  const [socket] = (await connection) as [UnixSeqpacketSocket];
  t.after(() => socket.close());
  const ended = once(socket, 'end');
  const got = await packets(socket, 3);
  assert.deepEqual(
    got.map(([data, { sender }]) => [String(data), sender.pid]),
    ['a', '', 'ccc'].map(text => [text, peer.child.pid]),
  );
  socket.send('answer');
  assert.equal(await peer.line(), 'answer');
  await ended;
  assert.throws(() => UnixSeqpacketSocket.connect(`${path}x`), { code: 'ERR_PEER_SYSTEM', errno: 'ENOENT' });
});

test('a seqpacket that is too long is cut, and says so; descriptors come with it up to the limit', {
  skip,
}, async t => {
  const [ours, theirs] = UnixSeqpacketSocket.pair({ maxMessageBytes: 100, acceptFds: 2 });
  t.after(() => ours.close());
  t.after(() => theirs.close());
  const got = packets(ours, 3);
  theirs.send(Buffer.alloc(5000, 1), { fds: [0, 1, 2] });
  theirs.send('');
  theirs.send('short', { fds: [0] });
  const told = (await got).map(([data, { size, truncated, fds, fdsLost, sender }]) => {
    const count = fds.length;
    for (const fd of fds) fd.close();
    return [data.length, size, truncated, count, fdsLost, sender.pid === process.pid];
  });
  assert.deepEqual(told, [
    [100, 5000, true, 2, true, true],
    [0, 0, false, 0, false, true],
    [5, 5, false, 1, false, true],
  ]);
});

/** Runs one of the examples, which says when it receives; its further lines. */
async function example(
  t: TestContext,
  name: string,
  path: string,
): Promise<() => Promise<Record<string, unknown>>> {
  const file = fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
  const child: ChildProcess = start(t, [process.execPath, file, path]);
  assert.ok(child.stdout !== null);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'receiving');
  return async () => JSON.parse((await lines.next()).value as string);
}

test('the sd_notify example hears systemd-notify, and whose process it was', {
  skip: needs('linux', 'root', 'setpriv', 'systemd-notify'),
}, async t => {
  const path = join(ownDirectory(t), 'notify');
  const next = await example(t, 'sd-notify.mjs', path);
  const { status, stderr, pid } = spawnSync(
    programPath('systemd-notify'),
    ['--ready', '--status=up and running', '--no-block'],
    { encoding: 'utf8', env: { NOTIFY_SOCKET: path } },
  );
  assert.equal(status, 0, stderr);
  const lines = [await next(), await next()];
  assert.deepEqual(lines.map(({ line }) => line).sort(), ['READY=1', 'STATUS=up and running']);
  // systemd-notify names its parent, which root may, so that the service is told rather than the tool.
  for (const line of lines) assert.ok([pid, process.pid].includes(line['pid'] as number));
});

test('the syslog example hears logger, and is not fooled by its tag', {
  skip: needs('linux', 'root', 'setpriv', 'logger'),
}, async t => {
  const path = join(ownDirectory(t), 'log');
  const next = await example(t, 'syslog.mjs', path);
  const words = [...runAs({ uid: 1234, gid: 100, groups: [] }), programPath('logger'), '--socket', path];
  const [file = '', ...args] = words;
  const { status, stderr, pid } = spawnSync(
    file,
    [...args, '--priority', 'auth.err', '--tag', 'sshd[1]', 'root logged in'],
    { encoding: 'utf8', cwd: '/', env: {}, timeout: 20_000 },
  );
  assert.equal(status, 0, stderr);
  const line = await next();
  assert.deepEqual([line['uid'], line['pid'], line['facility'], line['severity']], [1234, pid, 4, 3]);
  assert.match(line['text'] as string, /sshd\[1\]: root logged in/);
});

test('a receiver that resets a connection, and one that is gone, end no program', { skip }, async t => {
  const [ours, theirs] = UnixSeqpacketSocket.pair();
  t.after(() => ours.close());
  ours.send('unread');
  await new Promise(setImmediate);
  const ended = once(ours, 'end');
  theirs.close();
  await ended;
  ours.send('to nobody');
  const sending = UnixDatagramSocket.open();
  t.after(() => sending.close());
  sending.send('to nobody', '@sockcred-nobody-is-here');
  await new Promise(setImmediate);
});
