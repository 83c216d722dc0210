/** Colour: on a terminal, unless the user does not want any; never in a file or pipe. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { field, jsonLine, shellWord } from '../dist/terminal.js';
import { MAIN, run, serve } from './support/command.js';
import { ownDirectory } from './support/directories.js';

/** What the command writes on a terminal that script(1) makes. */
function onTerminal(args: readonly string[], env: NodeJS.ProcessEnv): string {
  const command = [process.execPath, MAIN, ...args].map(shellWord).join(' ');
  const { NO_COLOR: _, ...rest } = process.env;
  const { status, stdout } = spawnSync(programPath('script'), ['-qec', command, '/dev/null'], {
    encoding: 'utf8',
    env: { ...rest, TERM: 'xterm', ...env },
  });
  assert.equal(status, 0, stdout);
  return stdout;
}

const skip = needs('linux', 'script');

test('NO_COLOR is respected on a terminal, and so is a dumb terminal', { skip }, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path]);
  assert.ok(onTerminal(['who', path], {}).includes('\u001b['), 'in colour');
  assert.ok(onTerminal(['who', path], { NO_COLOR: '' }).includes('\u001b['), 'an empty NO_COLOR is none');
  for (const env of [{ NO_COLOR: '1' }, { NO_COLOR: '0' }, { TERM: 'dumb' }]) {
    const shown = onTerminal(['who', path], env);
    assert.ok(!shown.includes('\u001b'), JSON.stringify(env));
    assert.match(shown, /^uid /m);
  }
});

test('JSON has no colour, on a terminal neither', { skip }, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path]);
  const shown = onTerminal(['who', '--json', path], {});
  assert.ok(!shown.includes('\u001b'));
  assert.equal((JSON.parse(shown) as { credentials: { role: string } }).credentials.role, 'listener');
});

test('a pipe is given no colour', { skip: needs('linux') }, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path]);
  assert.ok(!(await run(t, ['who', path], { env: { TERM: 'xterm' } })).stdout.includes('\u001b'));
});

test('the curl line that serve suggests survives the shell, whatever the path', {
  skip: needs('linux', 'curl'),
}, async t => {
  const directory = ownDirectory(t);
  for (const name of [
    'plain',
    'two words',
    "it's",
    '$(touch pwned)',
    '`touch pwned`',
    'a"b\\c',
    '-dash',
    'ü',
  ]) {
    const path = join(directory, name);
    const running = await serve(t, ['--listen', path]);
    const [, suggested = ''] = /^Try: +(.*)$/.exec(await running.line(/^Try:/)) ?? [];
    const { status, stdout } = spawnSync('/bin/sh', ['-c', `exec ${suggested} -sS`], {
      encoding: 'utf8',
      cwd: directory,
    });
    assert.equal(status, 0, suggested);
    assert.match(stdout, /^You are uid /);
  }
  assert.ok(!existsSync(join(directory, 'pwned')));
});

test('a word with control characters reaches a command of bash whole', { skip: needs('linux') }, () => {
  for (const word of ['a\nb', "it's\ta\u001b[31m", 'c1\u009b31m', '\\ and \u0007', '', '*', '~', '!x']) {
    const { stdout } = spawnSync('/bin/bash', ['-c', `printf %s ${shellWord(word)}`], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    assert.equal(stdout, word);
    assert.doesNotMatch(shellWord(word), /\p{Cc}/u);
  }
});

test('T65: a field of a line is one word or quoted, and never takes its neighbours along', () => {
  for (const word of ['/run/dbus/system_bus_socket', '@name', "it's", 'a(b)', 'x,y', 'dbus.service']) {
    assert.equal(field(word), word);
  }
  assert.equal(field('two words'), '"two words"');
  assert.equal(field('größe'), '"größe"');
  assert.equal(field('a"b\\c'), '"a\\"b\\\\c"');
  for (const mark of ['', '-', '?', '-> x', '(said by itself)']) assert.match(field(mark), /^".*"$/);
  assert.equal(field('\u05e9\u0627'), '"\\u{5e9}\\u{627}"', 'letters that are written from right to left');
  assert.equal(field('a\u00a0b\u2800'), '"a\\u{a0}b\\u{2800}"', 'blanks that are no spaces');
  for (let code = 0; code < 0x30000; code++) {
    const shown = field(`x${String.fromCodePoint(code)}y`);
    assert.ok(/^[\x21\x23-\x7e]+$/.test(shown) || /^"(?:[^"\\]|\\.)*"$/u.test(shown), code.toString(16));
    assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
  }
});

test('T65: JSON has nothing that a terminal would hide or turn round, and parses to the same', () => {
  const value = { name: 'a\u202eb\u3164c\u{e0100}\u001b[31m' };
  assert.match(jsonLine(value), /^[\x20-\x7e]+$/);
  assert.deepEqual(JSON.parse(jsonLine(value)), value);
});
