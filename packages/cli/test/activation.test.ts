/** Socket activation: sockets that somebody else opened, announced for one process. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordedPeer } from 'sockcred';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { ask, curl } from './support/clients.js';
import { command, end, needsOtherUsers, run, serve } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const withPython = { skip: needs('linux', 'python3') };

interface Announced {
  /** How many sockets are given. */
  readonly count?: number;
  /** LISTEN_PID, as a Python expression. */
  readonly pid?: string;
  /** LISTEN_FDS, if it is to be something else than the count. */
  readonly fds?: string;
}

/** Words that open fd 3 and more as this Python does, set LISTEN_PID and LISTEN_FDS, and become the command. */
function activated(
  opening: string,
  { count = 1, pid = 'os.getpid()', fds = String(count) }: Announced = {},
): readonly string[] {
  const script = `
import os, socket, sys
opened = []
def give(s):
    s.detach and opened.append(s)
${opening}
spare = [os.dup2(s.fileno(), 50 + index) for index, s in enumerate(opened)]
for index, fd in enumerate(spare):
    os.dup2(fd, 3 + index)
    os.close(fd)
os.environ['LISTEN_PID'] = str(${pid})
os.environ['LISTEN_FDS'] = '${fds}'
os.execv(sys.argv[1], sys.argv[1:])
`;
  return [programPath('python3'), '-c', script];
}

function listenAt(...paths: readonly string[]): string {
  return paths
    .map(path => `s = socket.socket(socket.AF_UNIX); s.bind('${path}'); s.listen(); give(s)`)
    .join('\n');
}

test('it serves on the socket that it is given, and leaves the file to its owner', withPython, async t => {
  const path = join(ownDirectory(t), 's');
  const running = await serve(t, [], { before: activated(listenAt(path)) });
  assert.match((await ask(path)).body, new RegExp(`pid ${process.pid}\\b`));
  const { status } = await end(running);
  assert.equal(status, 0);
  assert.ok(lstatSync(path).isSocket(), 'the file belongs to the service manager');
});

test('it serves on all of several sockets', withPython, async t => {
  const directory = ownDirectory(t);
  const paths = ['a', 'b', 'c'].map(name => join(directory, name));
  const running = command(t, ['serve'], { before: activated(listenAt(...paths), { count: 3 }) });
  for (const fd of [3, 4, 5]) await running.line(new RegExp(`listening on fd ${fd}\\b`));
  for (const path of paths) assert.equal((await ask(path)).status, 200);
  assert.equal((await end(running)).status, 0);
});

test('sockets announced for another process are not ours', withPython, async t => {
  const directory = ownDirectory(t);
  const given = join(directory, 'given');
  const own = join(directory, 'own');
  for (const pid of ['os.getpid() + 1', '1', '""', '"x"', '0', '" " + str(os.getpid())']) {
    const before = activated(listenAt(given).replace(`'${given}'`, `'\\0' + '${given}' + str(os.getpid())`), {
      pid,
    });
    const running = await serve(t, ['--listen', own], { before });
    assert.match((await ask(own)).body, /You are uid/);
    assert.equal((await end(running)).status, 0);
  }
  assert.ok(!existsSync(given));
});

/** What is announced, and is no listening Unix stream socket; and the words that the refusal has. */
const WRONG: Readonly<Record<string, readonly [string, RegExp]>> = {
  'a file': ["give(open('/dev/null'))", /fd 3.*socket/],
  'a pipe': ['give(os.fdopen(os.pipe()[0]))', /fd 3.*socket/],
  'a TCP listener': ["s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); give(s)", /fd 3.*Unix/],
  'a connection, as with Accept=yes': ['a, b = socket.socketpair(); give(a)', /fd 3.*Accept=no/],
  'a datagram socket': ["s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(''); give(s)", /fd 3/],
  'an unconnected socket': ['give(socket.socket(socket.AF_UNIX))', /fd 3/],
  'a packet listener': [
    "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind(''); s.listen(); give(s)",
    /fd 3.*stream/,
  ],
};

for (const [what, [opening, said]] of Object.entries(WRONG)) {
  test(`what is no listening Unix stream socket is refused: ${what}`, withPython, async t => {
    const { status, stdout, stderr } = await run(t, ['serve'], { before: activated(opening) });
    assert.equal(status, 3);
    assert.equal(stdout, '');
    assert.match(stderr, said);
    assert.doesNotMatch(stderr, /^ {4}at /m, 'no stack trace');
  });
}

test('a descriptor that is not there is refused', withPython, async t => {
  const { status, stderr } = await run(t, ['serve'], { before: activated('', { fds: '1' }) });
  assert.equal(status, 3);
  assert.match(stderr, /fd 3/);
});

for (const fds of ['-1', 'x', '1.5', '100000', '', '1e1', '0x1']) {
  test(`a LISTEN_FDS that is no count is refused: '${fds}'`, withPython, async t => {
    const { status, stderr } = await run(t, ['serve'], { before: activated('', { fds }) });
    assert.equal(status, 3);
    assert.match(stderr, /LISTEN_FDS/);
  });
}

for (const flag of ['--listen', '--mode']) {
  test(`${flag} contradicts a socket that is given`, withPython, async t => {
    const path = join(ownDirectory(t), 's');
    const words = flag === '--listen' ? [flag, `${path}2`] : [flag, '0666'];
    const { status, stderr } = await run(t, ['serve', ...words], { before: activated(listenAt(path)) });
    assert.equal(status, 2);
    assert.match(stderr, new RegExp(flag));
  });
}

test('systemd itself opens the socket: the client is named all the same, and who names the opener', {
  skip: needsOtherUsers('curl', 'systemd-socket-activate'),
}, async t => {
  const path = join(ownDirectory(t, 0o755), 's');
  const before = [programPath('systemd-socket-activate'), '-l', path];
  const running = command(t, ['serve', '--log', 'json'], { before });
  while (!existsSync(path)) await new Promise(done => setTimeout(done, 5));
  chmodSync(path, 0o666);
  const user = { uid: 3001, gid: 5001, groups: [44] };
  const { body, pid } = await curl(t, path, { ...user, args: ['-H', 'Accept: application/json'] });
  const peer = recordedPeer(body);
  assert.deepEqual([peer.uid, peer.gid, peer.pid, peer.groups], [3001, 5001, pid, [44, 5001]]);
  await running.line(/"listening"/);
  const { stdout } = await run(t, ['who', '--json', path]);
  assert.equal(recordedPeer(JSON.parse(stdout).credentials).role, 'listener');
  assert.equal((await end(running)).status, 0);
});
