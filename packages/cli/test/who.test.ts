/** `sockcred who`: whose process listens, and what is said where nobody can be named. */

import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordedPeer } from 'sockcred';
import { python, runAs } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { needsOtherUsers, run, serve } from './support/command.js';
import { leaveStale, ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };
const withPython = { skip: needs('linux', 'python3') };

const LISTEN = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
say('listening')
hear()
`;

test('who says whose process listens, and what that is worth', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  const { pid } = await serve(t, ['--listen', path]);
  const { status, stdout, stderr } = await run(t, ['who', path]);
  assert.equal(status, 0);
  assert.equal(stderr, '');
  assert.match(stdout, new RegExp(`uid ${process.geteuid?.()}, gid ${process.getegid?.()}, pid ${pid}\\b`));
  assert.ok(stdout.includes(path));
  assert.match(stdout, /\blistener\b/);
  assert.match(stdout, /at listen\(\)/);
  assert.match(stdout, /called listen\(\)/, 'whom it is about');
  assert.match(stdout, /socket activation/, 'why that may not be who answers');
  assert.match(stdout, /may\s+have started a service/, 'what asking can do');
  assert.doesNotMatch(stdout, /[^\n -~]/, 'plain text, no colour');
});

test('who names a listener of another user, with groups', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const user = { uid: 2001, gid: 2500, groups: [27, 50] };
  const peer = python(t, LISTEN, { ...user, args: [path] });
  await peer.line();
  const { stdout } = await run(t, ['who', '--json', path]);
  const { uid, gid, pid, groups, role } = recordedPeer(JSON.parse(stdout).credentials);
  assert.deepEqual([uid, gid, pid, groups, role], [2001, 2500, peer.child.pid, [27, 50, 2500], 'listener']);
  const { stdout: shown } = await run(t, ['who', path]);
  assert.match(shown, /uid 2001, gid 2500/);
  assert.match(shown, /^groups +27 50 2500 /m);
});

test('T35: after a hand-over who names the one that called listen(), and says so', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const script = `
os.setresuid(2001, 2001, 0)
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
os.setresuid(0, 0, 0)
if os.fork() == 0:
    os.setresuid(2002, 2002, 2002)
    say('serving', os.getpid(), os.getuid())
    s.accept()
hear()
`;
  const peer = python(t, script, { args: [path] });
  const [, servingPid, servingUid] = (await peer.line()).split(' ');
  assert.equal(servingUid, '2002');
  const { status, stdout } = await run(t, ['who', path]);
  assert.equal(status, 0);
  assert.match(stdout, new RegExp(`uid 2001, gid \\d+, pid ${peer.child.pid}\\b`));
  assert.doesNotMatch(stdout, new RegExp(`\\b(2002|${servingPid})\\b`));
  assert.match(stdout, /not the program that answers/);
});

test('who takes an abstract name as @name', withPython, async t => {
  const name = `sockcred-test-${process.pid}-${Date.now()}`;
  const peer = python(t, LISTEN.replace('sys.argv[1]', `'\\0${name}'`));
  await peer.line();
  const { status, stdout } = await run(t, ['who', `@${name}`]);
  assert.equal(status, 0);
  assert.ok(stdout.includes(`@${name}`));
  assert.match(stdout, new RegExp(`pid ${peer.child.pid}\\b`));
  const longer = await run(t, ['who', `@${name}x`]);
  assert.equal(longer.status, 1, 'another name, though it begins alike');
});

test('who takes a seqpacket socket', withPython, async t => {
  const path = join(ownDirectory(t), 's');
  const script = LISTEN.replace('AF_UNIX', 'AF_UNIX, socket.SOCK_SEQPACKET');
  const peer = python(t, script, { args: [path] });
  await peer.line();
  const { status, stdout } = await run(t, ['who', path]);
  assert.equal(status, 0);
  assert.match(stdout, new RegExp(`pid ${peer.child.pid}\\b`));
});

test('who names a listener that has died while a child of it serves on', withPython, async t => {
  const path = join(ownDirectory(t), 's');
  const script = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
if os.fork() == 0:
    say(os.getpid())
    signal.pause()
else:
    os._exit(0)
`;
  const peer = python(t, script, { args: [path] });
  const serving = await peer.line();
  t.after(() => process.kill(Number(serving), 'SIGKILL'));
  assert.equal(await peer.exited, 0);
  const { status, stdout } = await run(t, ['who', path]);
  assert.equal(status, 0);
  assert.doesNotMatch(stdout, new RegExp(`\\b${serving}\\b`));
  assert.match(stdout, new RegExp(`pid ${peer.child.pid}\\b`));
});

test('nobody listening is the answer no', withPython, async t => {
  const path = join(ownDirectory(t), 's');
  await leaveStale(t, path);
  for (const args of [[path], ['--json', path], ['@sockcred-test-nobody']]) {
    const { status, stdout, stderr } = await run(t, ['who', ...args]);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.ok(stderr.includes(args.at(-1) ?? ''), stderr);
    assert.match(stderr, /nobody listens/);
    assert.match(stderr, /ECONNREFUSED/);
  }
  assert.ok(lstatSync(path).isSocket(), 'looking changes nothing');
});

/** Things that the system refuses to connect to, made in a directory; each gives the path to ask about. */
const REFUSED: Readonly<Record<string, (directory: string) => string>> = {
  ENOENT: directory => join(directory, 'missing'),
  ENOTDIR: directory => {
    writeFileSync(join(directory, 'file'), '');
    return join(directory, 'file', 's');
  },
  ECONNREFUSED: directory => {
    writeFileSync(join(directory, 'file'), '');
    return join(directory, 'file');
  },
  ENAMETOOLONG: directory => join(directory, 'p'.repeat(200)),
};

for (const [errno, make] of Object.entries(REFUSED)) {
  test(`a path that cannot be connected to is refused with path and ${errno}`, onLinux, async t => {
    const directory = ownDirectory(t);
    const path = make(directory);
    const before = readdirSync(directory);
    const { status, stdout, stderr } = await run(t, ['who', path]);
    assert.equal(status, errno === 'ECONNREFUSED' || errno === 'ENOENT' ? 1 : 3);
    if (errno === 'ECONNREFUSED') assert.match(stderr, /a file, and no socket/);
    assert.equal(stdout, '');
    assert.ok(stderr.includes(path), stderr);
    assert.match(stderr, new RegExp(`\\b${errno}\\b`));
    assert.doesNotMatch(stderr, /^ {4}at /m, 'no stack trace');
    assert.deepEqual(readdirSync(directory), before);
  });
}

test('who of a directory says that it is no socket', onLinux, async t => {
  const { status, stderr } = await run(t, ['who', ownDirectory(t)]);
  assert.equal(status, 1);
  assert.match(stderr, /a directory, and no socket/);
});

test('a socket that is closed to us is refused with path and EACCES', {
  skip: needsOtherUsers(),
}, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path]);
  const before = runAs({ uid: 2001, gid: 2001, groups: [] });
  const { status, stderr } = await run(t, ['who', path], { before });
  assert.equal(status, 3);
  assert.ok(stderr.includes(path), stderr);
  assert.match(stderr, /EACCES/);
});

test('a datagram socket records no listener, and who says that', withPython, async t => {
  const path = join(ownDirectory(t), 's');
  const script = `s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); say('bound'); hear()`;
  await python(t, script, { args: [path] }).line();
  const { status, stdout, stderr } = await run(t, ['who', path]);
  assert.equal(status, 3);
  assert.equal(stdout, '');
  assert.ok(stderr.includes(path), stderr);
  assert.match(stderr, /datagram/);
  assert.match(stderr, /EPROTOTYPE/);
});

test('a server whose backlog is full is not waited for', withPython, async t => {
  const path = join(ownDirectory(t), 's');
  const script = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(0)
c = socket.socket(socket.AF_UNIX)
c.connect(sys.argv[1])
say('full')
hear()
`;
  await python(t, script, { args: [path] }).line();
  const { status, stderr } = await run(t, ['who', path]);
  assert.equal(status, 3);
  assert.ok(stderr.includes(path), stderr);
  assert.match(stderr, /queue of waiting connections is full \(EAGAIN\)/);
});

test('a path with spaces, quotes or a dash in front is a path', onLinux, async t => {
  const cwd = ownDirectory(t);
  mkdirSync(join(cwd, '-d'));
  for (const name of ["it's a socket", '"', '-d/-s', 'ünïcødé']) {
    const { pid } = await serve(t, [`--listen=${name}`], { cwd });
    const { status, stdout } = await run(t, ['who', '--json', '--', name], { cwd });
    assert.equal(status, 0, name);
    assert.equal(recordedPeer(JSON.parse(stdout).credentials).pid, pid, name);
  }
});

test(
  'T65: a path with line ends and escape sequences cannot add a line to what who says',
  withPython,
  async t => {
    const directory = ownDirectory(t);
    const path = join(directory, 'x\nuid 0\r\u001b[31m\u009b31m\u202e');
    const peer = python(t, LISTEN, { args: [path] });
    await peer.line();
    const answered = await run(t, ['who', path]);
    assert.equal(answered.status, 0);
    const missing = await run(t, ['who', `${path}-missing`]);
    assert.equal(missing.status, 1);
    const stale = `${path}2`;
    await leaveStale(t, stale);
    const dead = await run(t, ['who', stale]);
    assert.equal(dead.status, 1);
    for (const said of [answered.stdout, missing.stderr, dead.stderr]) {
      assert.match(said, /x\\nuid 0\\r/, 'escaped, not dropped');
      assert.doesNotMatch(said, /[^\n\x20-\x7e]/, 'nothing that a terminal would obey');
      assert.doesNotMatch(said, /^uid 0/m);
    }
  },
);
