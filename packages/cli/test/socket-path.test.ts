/** Where the server can listen, and what it says where it cannot. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runAs } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { answersAt, curl } from './support/clients.js';
import { end, needsOtherUsers, run, serve } from './support/command.js';
import { leaveStale, ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };
const withPython = { skip: needs('linux', 'python3') };

/** A path of exactly so many bytes in this directory. */
function pathOf(directory: string, bytes: number): string {
  return join(directory, 'p'.repeat(bytes - directory.length - 1));
}

test('a relative path is listened at, and shown whole', onLinux, async t => {
  const cwd = ownDirectory(t);
  const { line } = await serve(t, ['--listen', 'here.sock'], { cwd });
  assert.ok((await line(/listening/)).includes(join(cwd, 'here.sock')));
  await answersAt(join(cwd, 'here.sock'));
});

test('an abstract name is listened at, and has no file', { skip: needs('linux', 'curl') }, async t => {
  const cwd = ownDirectory(t);
  const name = `@sockcred-test-${randomBytes(8).toString('hex')}`;
  const running = await serve(t, ['--listen', name], { cwd });
  const { body, pid } = await curl(t, name);
  assert.match(body, new RegExp(`pid ${pid}\\b`));
  assert.deepEqual(readdirSync(cwd), []);
  assert.equal((await end(running)).status, 0);
});

test('an abstract name that is taken is refused by its name', { skip: needs('linux', 'curl') }, async t => {
  const name = `@sockcred-test-${randomBytes(8).toString('hex')}`;
  await serve(t, ['--listen', name]);
  const { status, stderr } = await run(t, ['serve', '--listen', name]);
  assert.equal(status, 3);
  assert.ok(stderr.includes(name), stderr);
  assert.match(stderr, /EADDRINUSE/);
  assert.equal((await curl(t, name)).status, 0);
});

test('a path of 107 bytes is the longest', onLinux, async t => {
  const directory = ownDirectory(t);
  const longest = pathOf(directory, 107);
  await serve(t, ['--listen', longest]);
  await answersAt(longest);
  assert.deepEqual(readdirSync(directory), [longest.slice(directory.length + 1)]);
});

for (const bytes of [108, 109, 200]) {
  test(`a path of ${bytes} bytes is refused, never cut`, onLinux, async t => {
    const directory = ownDirectory(t);
    const path = pathOf(directory, bytes);
    const { status, stdout, stderr } = await run(t, ['serve', '--listen', path]);
    assert.equal(status, 3);
    assert.equal(stdout, '');
    assert.ok(stderr.includes(path), stderr);
    assert.match(stderr, /\b(ENAMETOOLONG|EINVAL)\b/);
    assert.deepEqual(readdirSync(directory), []);
  });
}

test('bytes count, not characters', onLinux, async t => {
  const directory = ownDirectory(t);
  const path = join(directory, 'é'.repeat(60));
  const { status, stderr } = await run(t, ['serve', '--listen', path]);
  assert.equal(status, 3);
  assert.ok(stderr.includes(path), stderr);
  assert.deepEqual(readdirSync(directory), []);
});

test('a stale socket file whose path is a cut of a longer one is left alone', withPython, async t => {
  const directory = ownDirectory(t);
  const cut = pathOf(directory, 107);
  await leaveStale(t, cut);
  const { ino } = lstatSync(cut);
  assert.equal((await run(t, ['serve', '--listen', `${cut}longer`])).status, 3);
  assert.equal(lstatSync(cut).ino, ino);
});

test('a directory that does not exist is refused with path and ENOENT', onLinux, async t => {
  const path = join(ownDirectory(t), 'nowhere', 's');
  const { status, stderr } = await run(t, ['serve', '--listen', path]);
  assert.equal(status, 3);
  assert.ok(stderr.includes(path), stderr);
  assert.match(stderr, /ENOENT/);
  assert.doesNotMatch(stderr, /^ {4}at /m, 'no stack trace');
});

test('a directory that is a file is refused with path and ENOTDIR', onLinux, async t => {
  const file = join(ownDirectory(t), 'file');
  writeFileSync(file, 'kept');
  const { status, stderr } = await run(t, ['serve', '--listen', join(file, 's')]);
  assert.equal(status, 3);
  assert.ok(stderr.includes(join(file, 's')), stderr);
  assert.match(stderr, /ENOTDIR/);
  assert.equal(readFileSync(file, 'utf8'), 'kept');
});

test('a directory that is closed to us is refused with path and EACCES', {
  skip: needsOtherUsers(),
}, async t => {
  const path = join(ownDirectory(t), 's');
  const { status, stderr } = await run(t, ['serve', '--listen', path], {
    before: runAs({ uid: 2001, gid: 2001, groups: [] }),
  });
  assert.equal(status, 3);
  assert.ok(stderr.includes(path), stderr);
  assert.match(stderr, /EACCES/);
  assert.ok(!existsSync(path));
});

test('a stale socket file is replaced', withPython, async t => {
  const directory = ownDirectory(t);
  const path = join(directory, 's');
  await leaveStale(t, path);
  assert.ok(lstatSync(path).isSocket());
  await serve(t, ['--listen', path]);
  await answersAt(path);
  assert.deepEqual(readdirSync(directory), ['s'], 'nothing else stays behind');
});

test('the socket file of a server that was killed is replaced by the next one', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  const first = await serve(t, ['--listen', path]);
  assert.equal((await end(first, 'SIGKILL')).signal, 'SIGKILL');
  assert.ok(lstatSync(path).isSocket());
  await serve(t, ['--listen', path, '--mode', '0622']);
  assert.equal(lstatSync(path).mode & 0o777, 0o622);
  await answersAt(path);
});

test("another user's stale socket file that cannot be taken away is refused with path and errno", {
  skip: needsOtherUsers('python3'),
}, async t => {
  const directory = ownDirectory(t, 0o1777);
  const path = join(directory, 's');
  await leaveStale(t, path);
  const { ino } = lstatSync(path);
  const { status, stderr } = await run(t, ['serve', '--listen', path], {
    before: runAs({ uid: 2001, gid: 2001, groups: [] }),
  });
  assert.equal(status, 3);
  assert.ok(stderr.includes(path), stderr);
  assert.match(stderr, /\b(EADDRINUSE|EACCES|EPERM)\b/);
  assert.equal(lstatSync(path).ino, ino);
  assert.deepEqual(readdirSync(directory), ['s']);
});

test('a path that begins with a dash is a path', onLinux, async t => {
  const cwd = ownDirectory(t);
  mkdirSync(join(cwd, '-d'));
  await serve(t, ['--listen=-d/-s'], { cwd });
  await answersAt(join(cwd, '-d', '-s'));
});
