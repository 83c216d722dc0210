/** Credentials and descriptors exchanged with GLib, Python and socat, in both directions. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PeerError } from 'sockcred';
import {
  credentialListener,
  firstMessageCredentials,
  type StreamMessage,
  sendCredentials,
  sendFds,
  UnixStream,
  UnixStreamServer,
} from 'sockcred/messages';
import { ownDirectory } from './support/directories.js';
import { textBehind } from './support/open-descriptors.js';
import { python, start } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';

const skip = needs('linux', 'python3');
const skipGi = needs('linux', 'python3', 'gi');

const GLIB_CLIENT = `
from gi.repository import Gio, GLib
address = Gio.UnixSocketAddress.new(sys.argv[1])
connection = Gio.SocketClient().connect(address, None)
`;

const GLIB_SERVER = `
from gi.repository import Gio, GLib
listener = Gio.SocketListener()
listener.add_address(Gio.UnixSocketAddress.new(sys.argv[1]), Gio.SocketType.STREAM, Gio.SocketProtocol.DEFAULT, None)
say("listening")
connection = listener.accept(None)[0]
`;

async function firstStream(t: TestContext, server: UnixStreamServer): Promise<UnixStream> {
  const [stream] = (await once(server, 'connection')) as [UnixStream];
  t.after(() => stream.destroy());
  return stream;
}

async function firstChunk(stream: UnixStream): Promise<StreamMessage> {
  const [message] = (await once(stream, 'data')) as [StreamMessage];
  return message;
}

async function streamServer(t: TestContext): Promise<{ path: string; server: UnixStreamServer }> {
  const path = join(ownDirectory(t), 's');
  const server = new UnixStreamServer({ mode: 0o666, acceptFds: true });
  await server.listen(path);
  t.after(() => server.close());
  return { path, server };
}

test('GLib sends credentials: a UnixStream and an ordinary server receive them', {
  skip: skipGi,
}, async t => {
  const { path, server } = await streamServer(t);
  const script = `${GLIB_CLIENT}\nconnection.send_credentials(None)\nhear()`;
  const accepted = firstStream(t, server);
  const peer = python(t, script, { args: [path] });
  const { data, sender } = await firstChunk(await accepted);
  assert.deepEqual([...data], [0]);
  assert.deepEqual([sender.pid, sender.uid], [peer.child.pid, process.getuid?.()]);

  const plain = createServer({ pauseOnConnect: true });
  const other = join(ownDirectory(t), 's');
  await credentialListener(plain, other);
  t.after(() => plain.close());
  const connection = once(plain, 'connection');
  const second = python(t, `${GLIB_CLIENT}\nconnection.send_credentials(None)\nhear()`, { args: [other] });
  const [socket] = (await connection) as [Socket];
  t.after(() => socket.destroy());
  assert.equal((await firstMessageCredentials(socket, { consumeNul: true })).pid, second.child.pid);
});

test('GLib receives what is sent by a UnixStream and by sendCredentials()', { skip: skipGi }, async t => {
  for (const ours of ['UnixStream', 'net.Socket'] as const) {
    const path = join(ownDirectory(t), 's');
    const script = `${GLIB_SERVER}
credentials = connection.receive_credentials(None)
say(credentials.get_unix_pid(), credentials.get_unix_user())
`;
    const peer = python(t, script, { args: [path] });
    await peer.line();
    if (ours === 'UnixStream') {
      const stream = UnixStream.connect(path);
      t.after(() => stream.destroy());
      stream.send('\0');
    } else {
      const socket = connect(path);
      t.after(() => socket.destroy());
      await once(socket, 'connect');
      assert.equal(sendCredentials(socket), 1);
    }
    assert.equal(await peer.line(), `${process.pid} ${process.getuid?.()}`);
  }
});

test('GLib: a UnixCredentialsMessage in either direction', { skip: skipGi }, async t => {
  const { path, server } = await streamServer(t);
  const accepted = firstStream(t, server);
  const script = `${GLIB_CLIENT}
message = Gio.UnixCredentialsMessage.new()
mine = message.get_credentials()
py = socket.socket(fileno=os.dup(connection.get_socket().get_fd()))
py.setblocking(True)
ids = struct.pack("iII", mine.get_unix_pid(), mine.get_unix_user(), os.getgid())
py.sendmsg([b"with"], [(message.get_level(), message.get_msg_type(), ids)])
py.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
say("ready")
data, control, flags, address = py.recvmsg(100, 100)
got = [Gio.SocketControlMessage.deserialize(level, kind, bytes) for level, kind, bytes in control]
[got] = [each for each in got if isinstance(each, Gio.UnixCredentialsMessage)]
say(data.decode(), got.get_credentials().get_unix_pid())
`;
  const peer = python(t, script, { args: [path] });
  const stream = await accepted;
  const { data, sender } = await firstChunk(stream);
  assert.equal(String(data), 'with');
  assert.equal(sender.pid, peer.child.pid);
  await peer.line();
  stream.write('back');
  assert.equal(await peer.line(), `back ${process.pid}`);
});

test('GLib and Python receive descriptors, and send them', { skip: skipGi }, async t => {
  const { path, server } = await streamServer(t);
  const accepted = firstStream(t, server);
  const script = `${GLIB_CLIENT}
connection.send_fd(os.open("/etc/hostname", os.O_RDONLY), None)
fd = connection.receive_fd(None)
say(os.read(fd, 1000).decode().strip())
`;
  const peer = python(t, script, { args: [path] });
  const stream = await accepted;
  const { fds } = await firstChunk(stream);
  const [file] = fds;
  assert.equal(textBehind(file?.fd ?? -1), readFileSync('/etc/hostname', 'utf8'));
  file?.close();
  const passwd = openSync('/etc/debian_version', 'r');
  assert.equal(sendFds(stream.fd, [passwd]), 1);
  closeSync(passwd);
  assert.equal(await peer.line(), readFileSync('/etc/debian_version', 'utf8').trim());
});

test('T43: what the kernel refuses to send is told by code', {
  skip: needs('linux', 'python3', 'root'),
}, async t => {
  const path = join(ownDirectory(t), 's');
  const script = `
l = socket.socket(socket.AF_UNIX); l.bind(sys.argv[1]); l.listen(); say("listening")
s = l.accept()[0]
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
try: s.setsockopt(socket.SOL_SOCKET, 83, 0); say("no descriptors")
except OSError: say("old kernel")
data, control, flags, address = s.recvmsg(100, 100)
say(*struct.unpack("iII", control[0][2]))
hear()
`;
  const peer = python(t, script, { args: [path] });
  await peer.line();
  const socket = connect(path);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  const kernel = await peer.line();
  const codeOf = (call: () => unknown): string => {
    try {
      call();
    } catch (error) {
      if (error instanceof PeerError) return error.code;
      throw error;
    }
    return 'sent';
  };
  assert.equal(
    codeOf(() => sendCredentials(socket, { pid: 0x7ffffffe })),
    'ERR_SEND_CLAIM',
  );
  if (kernel === 'no descriptors')
    assert.equal(
      codeOf(() => sendFds(socket, [0])),
      'ERR_SEND_FDS',
    );
  assert.equal(
    codeOf(() => sendFds(socket, [999_999])),
    'ERR_SEND_FDS',
  );
  assert.throws(() => sendCredentials(socket, {}, new Uint8Array(0)), { code: 'ERR_ARGUMENT' });
  assert.throws(() => sendFds(socket, []), { code: 'ERR_ARGUMENT' });
  assert.throws(() => sendCredentials(socket, { uid: -1 }), { code: 'ERR_ARGUMENT' });
  assert.equal(sendCredentials(socket, { uid: 4321, gid: 8765 }), 1, 'root may say so');
  assert.equal(await peer.line(), `${process.pid} 4321 8765`);
  peer.tell('end');
  await peer.exited;
  assert.equal(
    codeOf(() => sendCredentials(socket)),
    'ERR_PEER_CLOSED',
  );
});

test('bytes that a socket has not sent yet are not overtaken', { skip }, async t => {
  const path = join(ownDirectory(t), 's');
  const server = createServer({ pauseOnConnect: true }).listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const socket = connect(path);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  const [other] = (await accepted) as [Socket];
  t.after(() => other.destroy());
  socket.write(Buffer.alloc(5_000_000));
  assert.throws(() => sendCredentials(socket), { code: 'ERR_SEND_FULL' });
  assert.throws(() => sendFds(socket, [0]), { code: 'ERR_SEND_FULL' });
});

test('socat speaks through: it is the sender, whoever uses it', {
  skip: needs('linux', 'socat'),
}, async t => {
  const { path, server } = await streamServer(t);
  const accepted = firstStream(t, server);
  const child = start(t, [programPath('socat'), '-', `UNIX-CONNECT:${path}`]);
  child.stdin?.write('through socat\n');
  const stream = await accepted;
  const { data, sender } = await firstChunk(stream);
  assert.equal(String(data), 'through socat\n');
  assert.equal(sender.pid, child.pid);
  stream.end('and back\n');
  const [answer] = await once(child.stdout ?? stream, 'data');
  assert.equal(String(answer), 'and back\n');
});
