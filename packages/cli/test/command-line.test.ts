/** The command line: help, versions, mistakes that are named, exit statuses. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../../sockcred/build/support/requirements.js';
import { MAIN, run, serve } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

for (const args of [
  ['--help'],
  ['-h'],
  ['help'],
  ...['serve', 'who', 'doctor', 'build'].flatMap(command => [
    [command, '--help'],
    [command, '-h'],
  ]),
]) {
  test(`help is on stdout, and fine: sockcred ${args.join(' ')}`, async t => {
    const { status, stdout, stderr } = await run(t, args);
    assert.equal(status, 0);
    assert.equal(stderr, '');
    assert.match(stdout, /^Usage: sockcred/);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, `80 columns: ${line}`);
  });
}

test('the help names every command, every flag and every exit status', async t => {
  const { stdout: all } = await run(t, ['--help']);
  for (const word of ['serve', 'who PATH', 'ls', 'doctor', 'build', '--help', '--version'])
    assert.ok(all.includes(word), word);
  assert.match(all, /Exit status: 0 .*1 .*2 .*3 /);
  const { stdout: serving } = await run(t, ['serve', '--help']);
  for (const flag of ['--listen', '--mode', '--log', '--help', '--version'])
    assert.ok(serving.includes(flag), flag);
  const { stdout: asking } = await run(t, ['who', '--help']);
  for (const word of ['--json', '--help', '--version', '@NAME', 'socket activation', 'start a service']) {
    assert.ok(asking.includes(word), word);
  }
});

for (const args of [
  ['--version'],
  ['serve', '--version'],
  ['who', '--version'],
  ['who', '/tmp/x', '--version'],
]) {
  test(`the version is told: sockcred ${args.join(' ')}`, async t => {
    const { status, stdout, stderr } = await run(t, args);
    assert.equal(status, 0);
    assert.equal(stderr, '');
    assert.equal(stdout, `sockcred ${version}\n`);
  });
}

/** Mistakes, and the word that the message names. */
const MISTAKES: readonly (readonly [readonly string[], string])[] = [
  [[], 'command'],
  [['nonsense'], 'nonsense'],
  [['constructor'], 'constructor'],
  [['__proto__'], '__proto__'],
  [['--json'], '--json'],
  [['serve', '--lisen', 'x'], '--lisen'],
  [['serve', '-x'], '-x'],
  [['serve', '--listen'], '--listen'],
  [['serve', '--listen='], '--listen'],
  [['serve', '--listen', '@'], '--listen'],
  [['serve', '--listen', '@name', '--mode', '0666'], '--mode'],
  [['serve', '--mode'], '--mode'],
  [['serve', '--mode', 'rw-'], '--mode'],
  [['serve', '--log', 'xml'], '--log'],
  [['serve', '--log'], '--log'],
  [['serve', '--help=yes'], '--help'],
  [['serve', 'somewhere'], 'somewhere'],
  [['who'], 'PATH'],
  [['who', ''], 'PATH'],
  [['who', '@'], 'PATH'],
  [['who', '--json'], 'PATH'],
  [['who', 'one', 'two'], 'two'],
  [['who', '--text', 'one'], '--text'],
  [['who', '--json=1', 'one'], '--json'],
  [['who', '0'], '0'],
  [['ls', '--uid', 'root'], '--uid'],
  [['ls', '--watch', '0'], '--watch'],
  [['ls', 'somewhere'], 'somewhere'],
  [['who', '3@4294967296'], '4294967296'],
];

for (const [args, named] of MISTAKES) {
  test(`a mistake is named, with status 2: sockcred ${args.join(' ')}`, async t => {
    const cwd = ownDirectory(t);
    const env = { XDG_RUNTIME_DIR: cwd, TMPDIR: cwd };
    const { status, stdout, stderr } = await run(t, args, { cwd, env });
    assert.equal(status, 2, stderr);
    assert.equal(stdout, '');
    assert.ok(stderr.split('\n')[0]?.includes(named), stderr);
    assert.match(stderr, /--help/, 'where to read on');
    assert.doesNotMatch(stderr, /^ {4}at /m, 'no stack trace');
    assert.deepEqual(readdirSync(cwd), [], 'nothing was made');
  });
}

test('T65: a mistaken argument with escape sequences is escaped', async t => {
  for (const args of [
    ['\u001b[31m\nsockcred: fine'],
    ['serve', '--log', '\u001b[31m\n'],
    ['who', 'a', '\u001b[31m\n'],
  ]) {
    const { status, stderr } = await run(t, args);
    assert.equal(status, 2);
    assert.doesNotMatch(stderr, /[^\n\x20-\x7e]/);
    assert.doesNotMatch(stderr, /^sockcred: fine/m);
  }
});

test('the file is a program of its own, found through a symbolic link as npm makes one', async () => {
  const { status, stdout } = spawnSync(MAIN, ['--version'], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /^sockcred \d/);
});

test('a reader that goes away ends nothing but the output', { skip: needs('linux') }, async t => {
  const path = join(ownDirectory(t), 's');
  const running = await serve(t, ['--listen', path]);
  running.child.stdout?.destroy();
  for (let count = 0; count < 3; count += 1) {
    const { status } = await run(t, ['who', path]);
    assert.equal(status, 0);
  }
  assert.equal(running.child.exitCode, null);
  const { status, stderr } = spawnSync('/bin/sh', ['-c', `"$0" "$1" --help | true`, process.execPath, MAIN], {
    encoding: 'utf8',
  });
  assert.equal(status, 0);
  assert.equal(stderr, '');
});
