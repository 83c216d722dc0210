/** The connecting side names who listened, a socketpair who made it. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { isUser, listenerCredentials, PeerError, PeerTypeError, peerCredentials } from 'sockcred';
import { openDirectory } from './support/directories.js';
import { askInherited } from './support/inherited.js';
import { openServer, python } from './support/peers.js';
import { needs } from './support/requirements.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };
/** Elsewhere the pipes to a child are no socketpairs. */
const inNode = { skip: needs('linux', 'python3', 'node') };
const asAnyone = { skip: needs('linux', 'python3') };

const LISTEN = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
s.listen()
say('listening')
`;

async function connected(t: TestContext, path: string): Promise<Socket> {
  const socket = connect(path);
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

test('a client is told who listens', asRoot, async t => {
  const path = `${openDirectory(t)}/s`;
  const server = python(t, `${LISTEN}hear()`, { uid: 2001, gid: 2002, groups: [27], args: [path] });
  await server.line();
  const found = peerCredentials(await connected(t, path));
  assert.equal(found.uid, 2001);
  assert.equal(found.gid, 2002);
  assert.equal(found.pid, server.child.pid);
  assert.deepEqual(found.groups, [27, 2002]);
  assert.equal(found.role, 'listener');
  assert.deepEqual(found.evidence.uid, {
    known: true,
    about: 'listener',
    source: 'SO_PEERCRED',
    captured: 'listen',
  });
});

test(
  'a client that bound its own socket cannot tell its side, and options.side settles it',
  asAnyone,
  async t => {
    const path = `${openDirectory(t)}/s`;
    await openServer(t, path);
    const script = `
s = socket.socket(socket.AF_UNIX)
s.bind('\\0sockcred-client-' + str(os.getpid()))
s.connect(sys.argv[1])
ask(s.fileno(), f'{s.fileno()}:connected', f'{s.fileno()}:pair')`;
    const { told } = await askInherited(t, script, 3, { args: [path] });
    assert.deepEqual(
      told.map(({ peer }) => [peer?.pid, peer?.role, peer?.evidence.role.known]),
      [
        [process.pid, undefined, false],
        [process.pid, 'listener', true],
        [process.pid, 'creator', true],
      ],
    );
  },
);

test(
  'T35: with a handed-over listener the client sees who called listen(), not who serves',
  asRoot,
  async t => {
    const path = `${openDirectory(t)}/s`;
    const script = `
os.setresuid(2001, 2001, 0)
${LISTEN}
os.setresuid(0, 0, 0)
if os.fork() == 0:
    os.setresuid(2002, 2002, 2002)
    connection, _ = s.accept()
    say('serving', os.getpid(), os.getuid())
    connection.sendall(b'served by 2002')
    hear()
hear()`;
    const server = python(t, script, { args: [path] });
    assert.equal(await server.line(), 'listening');
    const socket = await connected(t, path);
    const found = peerCredentials(socket);
    const [, servingPid, servingUid] = (await server.line()).split(' ').map(Number);
    const [data] = (await once(socket, 'data')) as [Buffer];
    assert.equal(data.toString(), 'served by 2002');
    assert.equal(servingUid, 2002);
    assert.equal(found.uid, 2001);
    assert.equal(found.pid, server.child.pid);
    assert.notEqual(found.pid, servingPid);
    assert.equal(found.role, 'listener');
    assert.equal(found.evidence.pid.known && found.evidence.pid.captured, 'listen');
  },
);

test(
  'T35: bound by one user, listened by a second, accepted by a third: the second counts',
  asRoot,
  async t => {
    const path = `${openDirectory(t)}/s`;
    const script = `
s = socket.socket(socket.AF_UNIX)
os.setresuid(11, 11, 0); s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o666)
os.setresuid(0, 0, 0); os.setresuid(22, 22, 0); s.listen()
os.setresuid(0, 0, 0); os.setresuid(33, 33, 0); say('listening'); connection, _ = s.accept()
hear()`;
    const server = python(t, script, { args: [path] });
    await server.line();
    assert.equal(peerCredentials(await connected(t, path)).uid, 22);
  },
);

test('T37: a pipe to a child is a socketpair, and both ends name whoever made it', inNode, async t => {
  const child = spawn('/bin/cat', { stdio: ['pipe', 'pipe', 'ignore'] });
  t.after(() => child.kill('SIGKILL'));
  for (const end of [child.stdin, child.stdout]) {
    const found = peerCredentials(end as unknown as Socket);
    assert.equal(found.role, 'creator');
    assert.equal(found.pid, process.pid);
    assert.deepEqual(found.evidence.uid, {
      known: true,
      about: 'creator',
      source: 'SO_PEERCRED',
      captured: 'socketpair',
    });
  }
});

test('T37: a child that inherits one end sees its parent, whatever the socket type', asRoot, async t => {
  const script = `
os.setresuid(0, 2001, 0)
kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)
pairs = [socket.socketpair(socket.AF_UNIX, kind) for kind in kinds]
os.setresuid(0, 0, 0)
if os.fork() == 0:
    ask(*[b.fileno() for a, b in pairs])
hear()`;
  const { told, peer } = await askInherited(t, script, 3);
  for (const { peer: found } of told) {
    assert.equal(found?.role, 'creator');
    assert.equal(found?.uid, 2001);
    assert.equal(found?.pid, peer.child.pid);
  }
});

test('T37: a child cannot make its end of our socketpair look like a listener', inNode, async t => {
  const script = `
end = socket.socket(fileno=os.dup(1))
end.bind('\\0sockcred-turned-' + str(os.getpid()))
say('bound')
hear()`;
  const peer = python(t, script);
  const stdout = peer.child.stdout as unknown as Socket;
  assert.equal(await peer.line(), 'bound');
  const found = peerCredentials(stdout);
  assert.equal(found.pid, process.pid);
  assert.equal(found.role, undefined);
  assert.equal(found.evidence.role.known, false);
  assert.equal(peerCredentials(stdout, { side: 'pair' }).role, 'creator');
});

test('T38: a client finds out that a squatter listens before it sends anything', asRoot, async t => {
  const path = `${openDirectory(t)}/agent`;
  const squatter = python(
    t,
    `${LISTEN}
connection, _ = s.accept()
data = connection.recv(100)
say('received', len(data))`,
    { uid: 6666, gid: 6666, groups: [], args: [path] },
  );
  await squatter.line();
  const socket = await connected(t, path);
  const expected = process.geteuid?.() ?? -1;
  if (isUser(peerCredentials(socket), expected)) socket.write('secret');
  socket.destroy();
  assert.equal(peerCredentials(socket).uid, 6666);
  assert.equal(await squatter.line(), 'received 0');
});

test('T38: an abstract name that somebody else took is told apart as well', asRoot, async t => {
  const name = `sockcred-taken-${process.pid}`;
  const script = `
s = socket.socket(socket.AF_UNIX)
s.bind('\\0' + sys.argv[1])
s.listen()
say('listening')
hear()`;
  const squatter = python(t, script, { uid: 6666, gid: 6666, groups: [], args: [name] });
  await squatter.line();
  for (const spelling of [`@${name}`, `\0${name}`]) {
    const found = listenerCredentials(spelling);
    assert.ok(isUser(found, 6666) && !isUser(found, 0));
    assert.equal(found.role, 'listener');
  }
});

test('a name can be asked: stream and seqpacket listeners, and why there is no answer', asAnyone, async t => {
  const directory = openDirectory(t);
  const script = `
def at(name, kind):
    s = socket.socket(socket.AF_UNIX, kind); s.bind(sys.argv[1] + '/' + name); return s
stream = at('stream', socket.SOCK_STREAM); stream.listen()
packets = at('packets', socket.SOCK_SEQPACKET); packets.listen()
datagram = at('datagram', socket.SOCK_DGRAM); dead = at('dead', socket.SOCK_STREAM)
say('ready'); hear()`;
  const peer = python(t, script, { args: [directory] });
  await peer.line();
  for (const name of ['stream', 'packets']) {
    assert.equal(listenerCredentials(`${directory}/${name}`).pid, peer.child.pid);
  }
  const errnoAt = (path: string) => {
    try {
      listenerCredentials(path);
    } catch (error) {
      assert.ok(error instanceof PeerError && error.code === 'ERR_PEER_SYSTEM' && error.path === path);
      return error.errno;
    }
    return undefined;
  };
  assert.equal(errnoAt(`${directory}/datagram`), 'EPROTOTYPE');
  assert.equal(errnoAt(`${directory}/dead`), 'ECONNREFUSED');
  assert.equal(errnoAt(`${directory}/missing`), 'ENOENT');
  assert.equal(errnoAt(`${directory}/${'x'.repeat(120)}`), 'ENAMETOOLONG');
  assert.throws(() => listenerCredentials(''), PeerTypeError);
  assert.throws(() => listenerCredentials(`${directory}/a\0b`), PeerTypeError);
});
