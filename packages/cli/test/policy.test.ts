/** `sockcred policy check` and `explain`: what is said of a file, and what command lines are refused. */

import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { needs } from '../../sockcred/build/support/requirements.js';
import { command, needsOtherUsers, run } from './support/command.js';
import { allow, written } from './support/policies.js';

const onLinux = { skip: needs('linux') };

test('check says where the faults are, with status 1, and notes with status 0', onLinux, async t => {
  const faulty = written(t, `${allow('user = "ghost"')}usr = 1\n`);
  const { status, stdout, stderr } = await run(t, ['policy', 'check', faulty]);
  assert.deepEqual([status, stderr], [1, '']);
  assert.equal(
    stdout,
    `${faulty}:3:8: there is no user 'ghost' here\n${faulty}:4:1: there is no such property; is user meant?\n`,
  );
  const json = JSON.parse((await run(t, ['policy', 'check', '--json', faulty])).stdout);
  assert.equal(json.usable, false);
  assert.deepEqual(
    json.faults.map(({ line, column, path }: Record<string, unknown>) => [line, column, path]),
    [
      [3, 8, 'rules[0].user'],
      [4, 1, 'rules[0].usr'],
    ],
  );
  for (const args of [
    ['explain', faulty],
    ['test', faulty, '1'],
  ]) {
    const other = await run(t, ['policy', ...args]);
    assert.deepEqual([other.status, other.stdout], [1, '']);
    assert.match(other.stderr, /p\.toml:3:8: /);
  }
});

test('T71: check and explain say that root is let in from anywhere, and exit with 0', onLinux, async t => {
  const path = written(t, allow('user = 0'));
  const checked = await run(t, ['policy', 'check', path]);
  assert.equal(checked.status, 0);
  assert.match(checked.stdout, /^\S+p\.toml:1:1: note: root of a container/m);
  const json = JSON.parse((await run(t, ['policy', 'check', '--json', path])).stdout);
  assert.deepEqual([json.usable, json.findings[0].code], [true, 'root-of-any-namespace']);
  assert.match((await run(t, ['policy', 'explain', path])).stdout, /note: root of a container/);
  const safe = written(t, allow('user = 0\nsameNamespaces = true'));
  assert.doesNotMatch((await run(t, ['policy', 'check', safe])).stdout, /note/);
});

test('explain has words for everything that a policy can say', onLinux, async t => {
  const path = written(
    t,
    `
[limits]
connections = 9
connectionsPerUid = 3
acceptsPerUid = { count = 2, seconds = 1.5 }
firstByteMs = 100
spareDescriptors = 4

[[rules]]
name = "all of it"
effect = "allow"
map = "m"
user = ["root", 12]
sameUser = true
group = 13
primaryGroup = [14, 15]
label = { pattern = "a.*" }
role = ["connector", "listener"]
alive = true
sameNamespaces = ["net", "uts"]
unit = "u.service"
userUnit = "v.service"
application = "org.x"
container = "c"
all = [{ user = 16 }]
any = [{ user = 17 }, { user = 18 }]
not = { user = 19 }
believeForgeable = ["userUnit", "application", "container"]

[[rules]]
effect = "deny"
everyone = true

[[maps.m]]
user = 20
as = ["r", "s"]
`,
  );
  const { status, stdout, stderr } = await run(t, ['policy', 'explain', path]);
  assert.deepEqual([status, stderr], [0, '']);
  for (const said of [
    "Rule 0 (line 9) 'all of it' lets in whoever",
    'runs as user root (uid 0) or uid 12',
    'runs as the same user as this program',
    'is in gid 13',
    'has as its primary group gid 14 or gid 15',
    "has the security label something that fits 'a.*' as a whole",
    'made the connection or listens',
    'still runs',
    'shares the network and host name namespaces of this program',
    "is part of the system service 'u.service'",
    "is part of the user's own service 'v.service'",
    "is the sandboxed application 'org.x'",
    "runs in the container 'c'",
    'meets all of this:\n    - runs as uid 16',
    'meets at least one of these:\n    - runs as uid 17\n    or\n    - runs as uid 18',
    'is known not to be one who:\n    - runs as uid 19',
    'It believes userUnit, application and container even where',
    "the roles 'r' and 's', whoever\n      - runs as uid 20",
    'Rule 1 (line 30) keeps out whoever\n  - connects, whoever that is',
    'at most 9 connections at a time',
    'at most 3 connections of one user at a time',
    'at most 2 new connections of one user in 1.5 seconds',
    'the first byte has to come within 100 ms',
    '4 file descriptors are kept free',
  ]) {
    assert.ok(stdout.includes(said), `${said}\n\n${stdout}`);
  }
  const none = await run(t, ['policy', 'explain', written(t, 'rules = []\n')]);
  assert.match(none.stdout, /everybody is kept out/);
});

test('a command line that cannot be meant is refused with what is wrong, and status 2', onLinux, async t => {
  const file = written(t, allow('user = 0'));
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /check, explain or test/],
    [['chekc', file], /no 'policy chekc'/],
    [['check'], /FILE is missing/],
    [['check', file, 'x'], /'x' is one too many/],
    [['test', file, '1', '2'], /'2' is one too many/],
    [['test', file], /whom to test/],
    [['test', file, '1', '--peer', '{}'], /whom to test/],
    [['check', file, '--peer', '{}'], /policy test/],
    [['explain', '--json', file], /--json/],
    [['test', file, '0'], /no process 0/],
    [['check', '--frobnicate', file], /frobnicate/],
  ];
  const ended = await Promise.all(wrong.map(([args]) => run(t, ['policy', ...args])));
  for (const [index, [args, said]] of wrong.entries()) {
    const { status = null, stdout = '', stderr = '' } = ended[index] ?? {};
    assert.equal(status, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, said);
  }
  const help = await run(t, ['policy', '--help']);
  assert.equal(help.status, 0);
  for (const line of help.stdout.split('\n')) assert.ok(line.length < 80, line);
});

test('a policy that others may write is refused, with status 3, by every question', onLinux, async t => {
  const file = written(t, allow('user = 0'));
  chmodSync(file, 0o666);
  for (const args of [
    ['check', file],
    ['explain', file],
    ['test', file, `${process.pid}`],
  ]) {
    const { status, stdout, stderr } = await run(t, ['policy', ...args]);
    assert.deepEqual([status, stdout], [3, '']);
    assert.match(stderr, /others may write this file/);
  }
});

test('T65: neither a file nor a peer can add a line to what is said', {
  skip: needsOtherUsers('python3'),
}, async t => {
  const evil = '\\u001b[31m\\nallowed by allow rule 0\\u202e';
  const file = written(
    t,
    `${allow('user = 4000000')}name = "${evil}"\n[[rules]]\neffect = "allow"\nlabel = "${evil}"\n`,
  );
  for (const args of [
    ['check', file],
    ['explain', file],
    ['test', file, `${process.pid}`],
    ['test', '--json', file, `${process.pid}`],
  ]) {
    const { stdout } = await run(t, ['policy', ...args]);
    assert.doesNotMatch(stdout, /[\u001b\u202e]/, args.join(' '));
    assert.doesNotMatch(stdout, /^allowed/m);
  }
});

test('a reader that goes away is no error', onLinux, async t => {
  const file = written(t, allow('user = 0').repeat(3000));
  const before = ['/bin/sh', '-c', '"$@" | head -n 1', 'sh'];
  const { status, stderr } = await command(t, ['policy', 'explain', file], { before }).ended;
  assert.deepEqual([status, stderr], [0, '']);
});
