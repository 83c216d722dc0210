/** Clients that misbehave are no reason to crash, nor to keep others waiting. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { recordedPeer } from 'sockcred';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { answersAt, connection, exchange } from './support/clients.js';
import { end, needsOtherUsers, type Running, serve } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };
const withPython = { skip: needs('linux', 'python3') };

async function server(t: TestContext): Promise<{ path: string; running: Running }> {
  const path = join(ownDirectory(t), 's');
  return { path, running: await serve(t, ['--listen', path]) };
}

/** The server still answers, says nothing on stderr, and ends as it should. */
async function unharmed({ path, running }: { path: string; running: Running }): Promise<void> {
  await answersAt(path);
  const { status, stderr } = await end(running);
  assert.equal(status, 0);
  assert.equal(stderr, '');
}

const GARBAGE: Readonly<Record<string, string>> = {
  'a blank line': '\r\n\r\n',
  'binary noise': '\x00\xff\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.repeat(50),
  'a line that is no request': 'whoami\r\n\r\n',
  'a method that does not exist': 'FETCH / HTTP/1.1\r\nHost: x\r\n\r\n',
  'a version that does not exist': 'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
  'no Host': 'GET / HTTP/1.1\r\n\r\n',
  'endless headers': `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`,
  'an endless path': `GET /${'y'.repeat(200_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  'two lengths': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
  'a header with a line end inside': 'GET / HTTP/1.1\r\nHost: x\r\nA\rB: c\r\n\r\n',
};

for (const [what, bytes] of Object.entries(GARBAGE)) {
  test(`garbage harms nobody: ${what}`, onLinux, async t => {
    const subject = await server(t);
    const said = await exchange(t, subject.path, `${bytes}GET /x HTTP/1.1\r\nConnection: close\r\n\r\n`);
    assert.doesNotMatch(said, /^HTTP\/1\.1 (200|5)/, 'no success, no fault of the server');
    await unharmed(subject);
  });
}

/** Targets that are no URL, though HTTP lets them through: an answer is due all the same. */
for (const target of ['//', '///', '//[', 'http://[::1', 'http://', '*', '//:99999', 'http://x:99999/']) {
  test(`a target that is no URL is answered as the client's error: ${target}`, onLinux, async t => {
    const subject = await server(t);
    const method = target === '*' ? 'OPTIONS' : 'GET';
    const request = `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    assert.match(await exchange(t, subject.path, request), /^HTTP\/1\.1 4\d\d /);
    await unharmed(subject);
  });
}

test('CONNECT, Upgrade and an expectation harm nobody', onLinux, async t => {
  const subject = await server(t);
  const requests = [
    'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nExpect: nothing\r\nConnection: close\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ];
  for (const request of requests) {
    assert.doesNotMatch(await exchange(t, subject.path, request), /^HTTP\/1\.1 5/, request);
  }
  await unharmed(subject);
});

test('clients that stay silent keep nobody waiting', onLinux, async t => {
  const subject = await server(t);
  const silent = await Promise.all(Array.from({ length: 200 }, () => connection(t, subject.path)));
  for (const socket of silent.slice(0, 100)) socket.write('GET / HT');
  await answersAt(subject.path);
  assert.ok(silent.every(socket => !socket.destroyed));
});

test('more clients than the server takes at once do not end it', onLinux, async t => {
  const subject = await server(t);
  const tried = await Promise.allSettled(Array.from({ length: 1500 }, () => connection(t, subject.path)));
  // Where the backlog is full the kernel says so to the client.
  for (const one of tried) if (one.status === 'rejected') assert.equal(one.reason.code, 'EAGAIN');
  const flood = tried.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []));
  assert.ok(flood.length > 500);
  const gone = flood.map(socket => {
    const closed = once(socket, 'close');
    socket.destroy();
    return closed;
  });
  await Promise.all(gone);
  await subject.running.line(/listening/);
  // The server sees the ends of the flood in its own time: it answers as soon as it has.
  for (;;) {
    const said = await exchange(t, subject.path, 'GET / HTTP/1.0\r\n\r\n');
    if (said.startsWith('HTTP/1.1 200 ')) break;
    assert.equal(said, '', 'turned away without a word, or answered');
    assert.equal(subject.running.child.exitCode, null);
  }
  await unharmed(subject);
});

test('clients that leave without waiting for the answer harm nobody', withPython, async t => {
  const subject = await server(t);
  const script = `
for number in range(300):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    if number % 3:
        s.sendall(b'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' * (number % 7))
    if number % 2:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()
`;
  assert.equal(await python(t, script, { args: [subject.path] }).exited, 0);
  await unharmed(subject);
});

test('descriptors and credentials sent along with a request change nothing', withPython, async t => {
  const subject = await server(t);
  const script = `
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
r, w = os.pipe()
socket.send_fds(s, [b'GET / HTTP/1.0\\r\\n'], [r, w, 0])
s.sendmsg([b'\\r\\n'], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack('iII', os.getpid(), os.getuid(), os.getgid()))])
answer = b''
while chunk := s.recv(65536):
    answer += chunk
say(answer.decode().replace('\\r', '').replace('\\n', '|'))
`;
  const peer = python(t, script, { args: [subject.path] });
  assert.match(await peer.line(), new RegExp(`200 .*pid ${peer.child.pid}\\b`));
  await unharmed(subject);
});

const NAMES: Readonly<Record<string, string>> = {
  'that says ;uid=0;': "sys.argv[2] + '/;uid=0;gid=0;'",
  'with newlines and fields': 'sys.argv[2] + \'/\\nuid=0\\n{"uid":0}\'',
  'that is abstract': "'\\0;uid=0;' + str(os.getpid())",
};

for (const [what, name] of Object.entries(NAMES)) {
  test(`T57: a client whose own socket has a name ${what} is told its real uid`, {
    skip: needsOtherUsers('python3'),
  }, async t => {
    const path = join(ownDirectory(t), 's');
    const running = await serve(t, ['--listen', path, '--mode', '0666', '--log', 'json']);
    const script = `
for accept in ('application/json', 'text/plain'):
    s = socket.socket(socket.AF_UNIX)
    name = ${name}
    s.bind(name + accept[:4])
    s.connect(sys.argv[1])
    s.sendall(b'GET / HTTP/1.0\\r\\nAccept: ' + accept.encode() + b'\\r\\n\\r\\n')
    answer = b''
    while chunk := s.recv(65536):
        answer += chunk
    say(answer.decode().partition('\\r\\n\\r\\n')[2].strip().replace('\\n', '|'))
`;
    const peer = python(t, script, {
      uid: 3001,
      gid: 5001,
      groups: [],
      args: [path, ownDirectory(t, 0o777)],
    });
    const json = await peer.line();
    const { uid, gid, pid } = recordedPeer(json);
    assert.deepEqual([uid, gid, pid], [3001, 5001, peer.child.pid]);
    assert.ok(!json.includes(';uid=0'));
    const said = await peer.line();
    assert.match(said, new RegExp(`uid 3001, gid 5001, pid ${peer.child.pid}\\b`));
    assert.doesNotMatch(said, /uid ?=? ?0\b/);
    const { stdout } = await end(running);
    for (const line of stdout.trim().split('\n')) {
      const event = JSON.parse(line) as { event: string; peer?: unknown };
      if (event.event === 'request') assert.equal(recordedPeer(event.peer).uid, 3001);
    }
  });
}
