/** Whatever is at the path already: a live server is never displaced, and a file that is no socket never removed. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { python, runAs } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { answersAt } from './support/clients.js';
import { type CommandOptions, type Ended, end, needsOtherUsers, run, serve } from './support/command.js';
import { leaveStale, ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };
const withPython = { skip: needs('linux', 'python3') };

/** Refused, with a message that names path and errno. */
function refused({ status, stdout, stderr }: Ended, path: string, errno = /\bE[A-Z]{3,}\b/): void {
  assert.equal(status, 3);
  assert.equal(stdout, '');
  assert.ok(stderr.includes(path), stderr);
  assert.match(stderr, errno);
  assert.doesNotMatch(stderr, /^ {4}at /m, 'no stack trace');
}

test('a live server is never displaced', onLinux, async t => {
  const directory = ownDirectory(t);
  const path = join(directory, 's');
  const first = await serve(t, ['--listen', path]);
  const { ino, mode } = lstatSync(path);
  const second = await run(t, ['serve', '--listen', path, '--mode', '0666']);
  const third = await run(t, ['serve', '--listen', path, '--log', 'json']);
  await answersAt(path);
  assert.equal(lstatSync(path).ino, ino);
  assert.equal(lstatSync(path).mode, mode);
  assert.deepEqual(readdirSync(directory), ['s']);
  assert.equal((await end(first)).status, 0);
  refused(second, path, /\bEADDRINUSE\b/);
  refused(third, path, /\bEADDRINUSE\b/);
});

const LISTENERS: Readonly<Record<string, string>> = {
  'that never accepts': 's = socket.socket(socket.AF_UNIX); s.bind(path); s.listen()',
  'whose backlog is full': `
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen(0)
waiting = []
while True:
    c = socket.socket(socket.AF_UNIX)
    c.setblocking(False)
    try:
        c.connect(path)
    except BlockingIOError:
        break
    waiting.append(c)
`,
  'of datagrams': 's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path)',
  'of packets': 's = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind(path); s.listen()',
};

for (const [what, script] of Object.entries(LISTENERS)) {
  test(`a live server of another program is never displaced: one ${what}`, withPython, async t => {
    const directory = ownDirectory(t);
    const path = join(directory, 's');
    const peer = python(t, `path = sys.argv[1]\n${script}\nsay('ready')\nhear()`, { args: [path] });
    assert.equal(await peer.line(), 'ready');
    const { ino } = lstatSync(path);
    refused(await run(t, ['serve', '--listen', path]), path);
    assert.equal(lstatSync(path).ino, ino);
    assert.deepEqual(readdirSync(directory), ['s']);
  });
}

test("another user's live server is never displaced, where it cannot even be connected to", {
  skip: needsOtherUsers(),
}, async t => {
  const directory = ownDirectory(t, 0o777);
  const path = join(directory, 's');
  await serve(t, ['--listen', path]);
  const options: CommandOptions = { before: runAs({ uid: 2001, gid: 2001, groups: [] }) };
  refused(await run(t, ['serve', '--listen', path], options), path);
  await answersAt(path);
  assert.deepEqual(readdirSync(directory), ['s']);
});

test('a regular file in the way is never removed', onLinux, async t => {
  const directory = ownDirectory(t);
  const path = join(directory, 's');
  for (const content of ['', 'precious']) {
    writeFileSync(path, content);
    refused(await run(t, ['serve', '--listen', path]), path);
    assert.equal(readFileSync(path, 'utf8'), content);
    assert.ok(lstatSync(path).isFile());
    assert.deepEqual(readdirSync(directory), ['s']);
  }
});

test('a directory in the way is never removed', onLinux, async t => {
  const directory = ownDirectory(t);
  const path = join(directory, 's');
  mkdirSync(path);
  refused(await run(t, ['serve', '--listen', path]), path);
  assert.ok(lstatSync(path).isDirectory());
});

test('a FIFO in the way is never removed, nor waited for', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  refused(await run(t, ['serve', '--listen', path]), path);
  assert.ok(lstatSync(path).isFIFO());
});

test('a symbolic link in the way is never removed, wherever it leads', withPython, async t => {
  const directory = ownDirectory(t);
  const target = join(directory, 'target');
  const path = join(directory, 's');
  symlinkSync(target, path);
  refused(await run(t, ['serve', '--listen', path]), path);
  assert.deepEqual(readdirSync(directory), ['s'], 'nothing was made where it leads');
  await leaveStale(t, target);
  refused(await run(t, ['serve', '--listen', path]), path);
  assert.ok(lstatSync(path).isSymbolicLink());
  assert.ok(lstatSync(target).isSocket());
  assert.deepEqual(readdirSync(directory).sort(), ['s', 'target']);
});
