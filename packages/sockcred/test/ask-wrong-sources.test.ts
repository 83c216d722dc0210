/** What is not a connected Unix socket gets a typed error, never an id. */

import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { IncomingMessage } from 'node:http';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { PeerError, type PeerSource, PeerTypeError, peerCredentials, type Side } from 'sockcred';
import { openDirectory } from './support/directories.js';
import { askInherited } from './support/inherited.js';
import { acceptFrom, connectScript, descriptorNumber, openServer, python } from './support/peers.js';
import { needs } from './support/requirements.js';

const anyone = { skip: needs('linux', 'python3') };

function typeError(code: string): (error: unknown) => boolean {
  return error => error instanceof PeerTypeError && error instanceof TypeError && error.code === code;
}

function peerError(code: string): (error: unknown) => boolean {
  return error => error instanceof PeerError && error.code === code && error.scope === 'connection';
}

/** The descriptors that `script` makes are all refused with this code. */
async function refused(t: TestContext, script: string, count: number, code: string): Promise<void> {
  const { told } = await askInherited(t, script, count);
  assert.deepEqual(
    told.map(entry => entry.code),
    Array.from({ length: count }, () => code),
  );
  for (const entry of told) assert.equal(entry.peer, undefined);
}

test('T1, T3: TCP and UDP sockets have no peer credentials', { skip: needs('linux') }, async t => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await new Promise(done => server.once('listening', done));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.after(() => socket.destroy());
  await new Promise(done => socket.once('connect', done));
  assert.throws(() => peerCredentials(socket), typeError('ERR_SOURCE_NOT_UNIX'));
});

test('T1, T3: sockets of every other family are refused before they are asked', anyone, t => {
  const script = `
tcp = socket.socket(); udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
six = socket.socket(socket.AF_INET6); netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
udp.connect(('127.0.0.1', 9))
ask(tcp.fileno(), udp.fileno(), six.fileno(), netlink.fileno())`;
  return refused(t, script, 4, 'ERR_SOURCE_NOT_UNIX');
});

test('T1, V1: Unix sockets without a connection have no peer', anyone, t => {
  const script = `
plain = socket.socket(socket.AF_UNIX); datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
packets = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
bound = socket.socket(socket.AF_UNIX); bound.bind('\\0sockcred-bound-' + str(os.getpid()))
ask(plain.fileno(), datagram.fileno(), packets.fileno(), bound.fileno())`;
  return refused(t, script, 4, 'ERR_PEER_NOT_CONNECTED');
});

test('T1, V1: connected datagram sockets record nobody', anyone, t => {
  const script = `
a = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); b = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
one = '\\0sockcred-a-' + str(os.getpid()); two = '\\0sockcred-b-' + str(os.getpid())
a.bind(one); b.bind(two); a.connect(two); b.connect(one)
ask(a.fileno(), b.fileno())`;
  return refused(t, script, 2, 'ERR_SOURCE_DATAGRAM');
});

test('T2, V2: a listening socket is refused, it would name ourselves', anyone, t => {
  const script = `
stream = socket.socket(socket.AF_UNIX); stream.bind('\\0sockcred-l-' + str(os.getpid())); stream.listen()
packets = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
packets.bind('\\0sockcred-p-' + str(os.getpid())); packets.listen()
ask(stream.fileno(), packets.fileno())`;
  return refused(t, script, 2, 'ERR_SOURCE_LISTENING');
});

test('T13: files, pipes, directories and pidfds are not sockets', anyone, t => {
  const script = `
r, w = os.pipe()
ask(os.open('/dev/null', 0), os.open('/', 0), r, w, os.pidfd_open(os.getpid()), os.open('/etc/passwd', os.O_RDONLY))`;
  return refused(t, script, 6, 'ERR_SOURCE_NOT_SOCKET');
});

test('T13: a path-only descriptor is not open for questions', anyone, t => {
  return refused(t, "ask(os.open('/dev/null', os.O_PATH))", 1, 'ERR_PEER_CLOSED');
});

test('T8, T13: closed and negative descriptors are closed', { skip: needs('linux') }, () => {
  const fd = openSync('/dev/null', 'r');
  closeSync(fd);
  for (const closed of [fd, -1, -22, -2147483648, 1_000_000, 2147483647]) {
    assert.throws(() => peerCredentials(closed), peerError('ERR_PEER_CLOSED'));
  }
});

test('T13: what is no source at all is a TypeError', () => {
  const wrong = [
    Number.NaN,
    1.5,
    2147483648,
    -2147483649,
    Number.POSITIVE_INFINITY,
    '3',
    null,
    undefined,
    true,
    {},
    [],
    3n,
  ];
  for (const source of wrong) {
    assert.throws(() => peerCredentials(source as PeerSource), typeError('ERR_SOURCE_TYPE'), String(source));
  }
});

test('T13: descriptor 0 is a descriptor', { skip: needs('linux') }, () => {
  let code: unknown;
  try {
    peerCredentials(0);
  } catch (error) {
    code = (error as PeerError).code;
  }
  assert.notEqual(code, 'ERR_PEER_CLOSED');
  assert.notEqual(code, 'ERR_SOURCE_TYPE');
});

test('T13: a net.Socket that was never connected has nothing to tell', { skip: needs('linux') }, () => {
  assert.throws(() => peerCredentials(new Socket()), peerError('ERR_PEER_CLOSED'));
  assert.throws(() => peerCredentials(new IncomingMessage(new Socket())), peerError('ERR_PEER_CLOSED'));
});

test('T8: a destroyed net.Socket that was never asked about is closed, even if its fd lives on', {
  skip: needs('linux', 'root', 'python3', 'setpriv'),
}, async t => {
  const path = `${openDirectory(t)}/s`;
  const { next } = await openServer(t, path);
  const waiting = python(t, `say('ready'); hear()\n${connectScript()}`, {
    uid: 2002,
    gid: 2002,
    args: [path],
  });
  await waiting.line();
  python(t, connectScript(), { uid: 1001, gid: 1001, args: [path] });
  const first = await next();
  const fd = descriptorNumber(first);
  first.destroy();
  await new Promise(done => first.once('close', done));
  waiting.tell('go');
  const second = await next();
  assert.equal(descriptorNumber(second), fd, 'the number was given to the second connection');
  assert.throws(() => peerCredentials(first), peerError('ERR_PEER_CLOSED'));
  assert.equal(peerCredentials(second).uid, 2002);
});

test('T13: options.side must be a side, and one that the kernel does not rule out', anyone, async t => {
  const { socket } = await acceptFrom(t);
  assert.throws(() => peerCredentials(socket, { side: 'left' as Side }), typeError('ERR_ARGUMENT'));
  assert.throws(() => peerCredentials(socket, { side: 'toString' as Side }), typeError('ERR_ARGUMENT'));
  assert.throws(() => peerCredentials(socket, { side: 'connected' }), typeError('ERR_SIDE'));
  assert.equal(peerCredentials(socket, { side: 'accepted' }).role, 'connector');

  const path = `${openDirectory(t)}/s`;
  await openServer(t, path);
  const client = connect(path);
  t.after(() => client.destroy());
  await new Promise(done => client.once('connect', done));
  assert.throws(() => peerCredentials(client, { side: 'accepted' }), typeError('ERR_SIDE'));
});
