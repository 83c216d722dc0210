/** What the command line of a guard cannot mean, and what it must say: nothing is opened, and nobody let in. */

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { UsageError } from '../dist/exit-codes.js';
import { readGuardOptions } from '../dist/guard/options/guard-options.js';
import { run } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };
const WHO = ['--same-user'];
const TO = ['--to', 'tcp:127.0.0.1:9'];

/** Words after `guard --listen PATH`, and what the message must have. */
const WRONG: Readonly<Record<string, readonly [readonly string[], RegExp]>> = {
  'nobody is named': [TO, /nobody would be let in.*--policy/],
  'only a deny rule is there': [[...TO, '--deny-user', '0'], /nobody would be let in/],
  'nothing is behind': [WHO, /--to.*--pass-to.*-- PROGRAM/],
  'two things are behind': [[...WHO, ...TO, '--', 'cat'], /one of --to/],
  'root for no program': [[...WHO, ...TO, '--programs-as-root'], /--programs-as-root goes with -- PROGRAM/],
  'a program that is no server': [
    [...WHO, '--upstream-sees-guard', '--', 'cat'],
    /--upstream-sees-guard goes with --to/,
  ],
  'no log that is required': [
    [...WHO, ...TO, '--audit', 'none', '--audit-required'],
    /there is no audit log/,
  ],
  'idle programs': [[...WHO, '--idle', '5', '--', 'cat'], /--idle goes with --to.*no byte.*timeout\(1\)/],
  'what is passed and idle': [
    [...WHO, '--idle', '5', '--pass-to', '/nowhere'],
    /--idle goes with --to.*has to end what is idle/,
  ],
  'idle for no time': [[...WHO, ...TO, '--idle', '0'], /idle for no time/],
  'the program is missing': [[...WHO, '--'], /program is missing/],
  'a program without --': [[...WHO, 'cat'], /'cat': a program comes after --/],
  'an unknown user': [['--allow-user', 'nobody-of-that-name', ...TO], /--allow-user nobody-of-that-name: /],
  'an unknown group': [
    ['--allow-group', 'nobody-of-that-name', ...TO],
    /--allow-group nobody-of-that-name: /,
  ],
  'a policy and options': [['--policy', '/dev/null', '--everyone', ...TO], /--policy/],
  'no upstream': [[...WHO, '--to', 'localhost:80'], /--to: 'localhost:80' .*unix:PATH or tcp:HOST:PORT/],
  'an empty path': [[...WHO, '--to', 'unix:'], /empty path/],
  'port 0': [[...WHO, '--to', 'tcp:localhost:0'], /port from 1 to 65535/],
  'port 65536': [[...WHO, '--to', 'tcp:localhost:65536'], /port from 1 to 65535/],
  'IPv6 without brackets': [[...WHO, '--to', 'tcp:::1:80'], /tcp:HOST:PORT/],
  'descriptors over TCP': [[...WHO, ...TO, '--pass-fds'], /--pass-fds/],
  'ids over TCP': [[...WHO, ...TO, '--as-peer'], /--as-peer.*TCP/],
  'ids after root is gone': [
    [...WHO, '--to', 'unix:/nowhere', '--as-peer', '--run-as', 'nobody'],
    /--as-peer.*--run-as/,
  ],
  'two deputies': [[...WHO, '--to', 'unix:/nowhere', '--as-peer', '--upstream-sees-guard'], /--as-peer/],
  'descriptors for a program': [[...WHO, '--pass-fds', '--', 'cat'], /--pass-fds goes with --to/],
  'PROXY version 1': [[...WHO, ...TO, '--proxy-protocol', 'v1'], /only v2/],
  'PROXY in HTTP': [[...WHO, ...TO, '--http', '--proxy-protocol', 'v2'], /--proxy-protocol/],
  'a header without HTTP': [[...WHO, ...TO, '--strip-header', 'X-User'], /--strip-header goes with --http/],
  'no header': [[...WHO, ...TO, '--http', '--strip-header', 'X User'], /'X User' is no name of a header/],
  'a header that nobody keeps': [
    [...WHO, ...TO, '--http', '--keep-header', 'Sockcred-Peer'],
    /'Sockcred-Peer' is none of forwarded/,
  ],
  'a header to keep without HTTP': [
    [...WHO, ...TO, '--keep-header', 'Forwarded'],
    /--keep-header goes with --http/,
  ],
  'an explanation without HTTP': [[...WHO, ...TO, '--explain-denied'], /--explain-denied goes with --http/],
  'no number': [[...WHO, ...TO, '--connections', '-1'], /--connections/],
  'no rate': [[...WHO, ...TO, '--accept-rate', '5/0'], /--accept-rate: '5\/0'/],
  'no seconds': [[...WHO, ...TO, '--first-byte', '5s'], /--first-byte: '5s'/],
  'no mode': [[...WHO, ...TO, '--mode', '888'], /--mode: '888'/],
  'a mode of no socket': [[...WHO, ...TO, '--metrics-mode', '0666'], /--metrics-mode/],
  'to become root': [[...WHO, ...TO, '--run-as', 'root'], /--run-as: 'root' is root/],
  'to become nobody known': [[...WHO, ...TO, '--run-as', 'no-such-user-here'], /--run-as/],
  'a number without a group': [[...WHO, ...TO, '--run-as', '2001'], /USER:GROUP/],
  'a flag that is none': [[...WHO, ...TO, '--allow-root'], /--allow-root/],
};

for (const [what, [words, said]] of Object.entries(WRONG)) {
  test(`a guard does not begin: ${what}`, onLinux, async t => {
    const path = join(ownDirectory(t), 's');
    const { status, stdout, stderr } = await run(t, ['guard', '--listen', path, ...words]);
    assert.match(stderr, said);
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /^ {4}at /m, 'no stack trace');
    assert.ok(!existsSync(path));
  });
}

/** The same without a process for each: words after `guard --listen PATH --same-user --to UPSTREAM`. */
const WRONG_HTTP: typeof WRONG = {
  'upgrades without HTTP': [['--allow-upgrade', 'websocket'], /--allow-upgrade goes with --http/],
  'answers without HTTP': [['--response-timeout', '5'], /--response-timeout goes with --http/],
  'no protocol': [['--http', '--allow-upgrade', 'web socket'], /'web socket' is no name/],
  'an empty protocol': [['--http', '--allow-upgrade', ''], /'' is no name of a protocol/],
  'two slashes': [['--http', '--allow-upgrade', 'a/b/c'], /'a\/b\/c' is no name/],
  'HTTP/2 unseen': [['--http', '--allow-upgrade', 'H2C'], /in h2c requests would go on/],
  'HTTP in TLS unseen': [['--http', '--allow-upgrade', 'TLS/1.0'], /in tls\/1\.0 requests/],
  'none and another': [
    ['--http', '--allow-upgrade', 'none', '--allow-upgrade', 'websocket'],
    /none goes with no other/,
  ],
  'no time for an answer': [['--http', '--response-timeout', '0'], /--response-timeout/],
  'no time to answer in': [
    ['--http', '--response-timeout', '1m'],
    /--response-timeout: '1m' is not a number/,
  ],
  'longer than a timer waits': [
    ['--http', '--response-timeout', '2147484'],
    /--response-timeout: 2147484 is more than 2147483.647 seconds/,
  ],
  'a grace that would be none': [['--grace', '9999999'], /--grace: 9999999 is more than/],
};

test('a guard does not begin: what HTTP is not', onLinux, () => {
  for (const [what, [words, said]] of Object.entries(WRONG_HTTP)) {
    const read = () => readGuardOptions(['--listen', '/s', ...WHO, ...TO, ...words]);
    assert.throws(read, (error: unknown) => error instanceof UsageError && said.test(error.message), what);
  }
});

test('what HTTP may go on in, and how long is waited for it', onLinux, () => {
  const httpOf = (...words: string[]) => {
    const read = readGuardOptions(['--listen', '/s', ...WHO, ...TO, '--http', ...words]);
    assert.ok(read !== 'help' && read.target.kind === 'http');
    const { explain, upgrades, responseMs } = read.target;
    return [explain, upgrades, responseMs];
  };
  assert.deepEqual(httpOf(), [false, ['websocket'], 60_000]);
  assert.deepEqual(httpOf('--allow-upgrade', 'none', '--explain-denied'), [true, [], 60_000]);
  const two = ['--allow-upgrade', 'WebSocket', '--allow-upgrade', 'example/2'];
  assert.deepEqual(httpOf(...two, '--response-timeout', '0.5'), [false, ['websocket', 'example/2'], 500]);
});

test('the path to listen at is missing', onLinux, async t => {
  const { status, stderr } = await run(t, ['guard', ...WHO, ...TO]);
  assert.equal(status, 2);
  assert.match(stderr, /--listen/);
});

test('what a terminal would obey is shown, not obeyed', onLinux, async t => {
  const { stderr } = await run(t, ['guard', '--listen', '/s', ...WHO, '--to', '\x1b[31mred']);
  assert.doesNotMatch(stderr, /\x1b/);
});

test('options of a program are its own', { skip: needs('linux', 'python3') }, async t => {
  const { status, stderr } = await run(t, ['guard', ...WHO, '--', 'cat', '--to', '--help', '--version']);
  assert.equal(status, 2);
  assert.match(stderr, /--listen/);
});

test('a root guard in front of a Unix socket says as whom, or does not begin', {
  skip: needs('linux', 'root'),
}, async t => {
  for (const more of [[], ['--http'], ['--pass-fds'], ['--proxy-protocol', 'v2']]) {
    const words = ['--listen', '/nowhere/s', '--everyone', '--to', 'unix:/nowhere/behind', ...more];
    const { status, stderr } = await run(t, ['guard', ...words]);
    assert.equal(status, 2);
    for (const way of ['--as-peer', '--run-as', '--upstream-sees-guard'])
      assert.match(stderr, new RegExp(way));
    assert.match(stderr, /would see root in place of each/);
  }
});

test('only root can connect as others, and only root can become somebody else', {
  skip: needs('linux', 'root', 'setpriv'),
}, async t => {
  const before = [programPath('setpriv'), '--reuid=2001', '--regid=2001', '--clear-groups'];
  const words = [
    'guard',
    '--listen',
    join(ownDirectory(t, 0o777), 's'),
    '--everyone',
    '--to',
    'unix:/nowhere',
  ];
  const asPeer = await run(t, [...words, '--as-peer'], { before });
  assert.equal(asPeer.status, 3);
  assert.match(asPeer.stderr, /--as-peer.*root.*EPERM/);
  const runAs = await run(t, [...words, '--run-as', 'nobody'], { before });
  assert.equal(runAs.status, 3);
  assert.match(runAs.stderr, /--run-as.*EPERM/);
});

test('a policy with faults ends it before it listens, each fault with its place', onLinux, async t => {
  const directory = ownDirectory(t);
  const file = join(directory, 'policy.toml');
  writeFileSync(file, '[[rules]]\neffect = "allow"\nuser = "nobody-of-that-name"\n');
  const path = join(directory, 's');
  const { status, stderr } = await run(t, ['guard', '--listen', path, '--policy', file, ...TO]);
  assert.equal(status, 1);
  assert.match(stderr, /policy\.toml:3:\d+: /);
  assert.ok(!existsSync(path));
});

test('a second guard does not take the place of the first', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  const { guard } = await import('./support/guards.js');
  await guard(t, ['--listen', path, ...WHO, ...TO]);
  const { status, stderr } = await run(t, ['guard', '--listen', path, ...WHO, ...TO]);
  assert.equal(status, 3);
  assert.match(stderr, /somebody is listening there/);
});

test('a root guard says as whom programs run, or does not begin', {
  skip: needs('linux', 'root'),
}, async t => {
  const words = ['--listen', '/nowhere/s', '--everyone'];
  const refused = await run(t, ['guard', ...words, '--', '/bin/cat']);
  assert.equal(refused.status, 2);
  for (const way of ['--run-as', '--programs-as-root']) assert.match(refused.stderr, new RegExp(way));
  for (const way of [['--run-as', '2345:2345'], ['--programs-as-root']]) {
    const { status, stderr } = await run(t, ['guard', ...words, ...way, '--', '/bin/cat']);
    assert.equal(status, 3);
    assert.match(stderr, /nowhere/);
  }
});
