/** `sockcred policy`: what is said of a file, and what would be decided about whom. */

import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { peerCredentials, peerToJson } from 'sockcred';
import { makeCgroup, move } from '../../sockcred/build/support/cgroups.js';
import { connectScript, descriptorNumber, openServer, python } from '../../sockcred/build/support/peers.js';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { command, needsOtherUsers, run, serve } from './support/command.js';
import { ownDirectory } from './support/directories.js';

const onLinux = { skip: needs('linux') };
const asRoot = { skip: needs('linux', 'root', 'cgroups', 'python3', 'setpriv') };

function written(t: TestContext, text: string): string {
  const path = join(ownDirectory(t), 'p.toml');
  writeFileSync(path, text);
  return path;
}

const allow = (condition: string) => `[[rules]]\neffect = "allow"\n${condition}\n`;
const me = process.geteuid?.() ?? -1;

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

test('test PATH decides about who listens there, and says that it is only that', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path]);
  const yes = await run(t, ['policy', 'test', written(t, allow(`user = ${me}`)), path]);
  assert.equal(yes.status, 0, yes.stderr);
  assert.match(yes.stdout, new RegExp(`^\\S+ is listened on by uid ${me}, `));
  assert.match(yes.stdout, /who connects/);
  assert.match(yes.stdout, /^allowed by allow rule 0$/m);
  assert.match(yes.stdout, /^Decided by \S+p\.toml:1\.$/m);
  const no = await run(t, ['policy', 'test', written(t, allow(`user = ${me + 1}`)), path]);
  assert.equal(no.status, 1);
  assert.match(no.stdout, /^denied: no rule lets this peer in$/m);
  assert.match(no.stdout, new RegExp(`rules\\[0\\]\\.user: no: uid is ${me}, not ${me + 1}`));
  const nobody = await run(t, ['policy', 'test', written(t, allow('user = 0')), '@sockcred-test-nobody']);
  assert.equal(nobody.status, 1);
  assert.match(nobody.stderr, /nobody listens/);
});

test(
  'test PID decides as if it connected now, by its unit too, and says what no process tells',
  asRoot,
  async t => {
    const cgroup = makeCgroup(t, 'x.service');
    const peer = python(t, "say('ready')\nhear()", { uid: 2001, gid: 2500, groups: [27] });
    await peer.line();
    move(peer.child.pid, cgroup);
    const file = written(t, allow('user = 2001\ngroup = 27\nunit = "x.service"\nsameNamespaces = true'));
    const { status, stdout, stderr } = await run(t, ['policy', 'test', file, `${peer.child.pid}`]);
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /There is no connection/);
    const labelled = written(t, allow('user = 2001\nlabel = "x"'));
    const untold = await run(t, ['policy', 'test', labelled, `${peer.child.pid}`]);
    assert.equal(untold.status, 1);
    assert.match(untold.stdout, /could not be told:\n {2}label: /);
    const other = written(t, allow('user = 2001\nunit = "y.service"'));
    assert.equal((await run(t, ['policy', 'test', other, `${peer.child.pid}`])).status, 1);
    peer.child.kill('SIGKILL');
    await peer.exited;
    const gone = await run(t, ['policy', 'test', file, `${peer.child.pid}`]);
    assert.deepEqual([gone.status, gone.stdout], [1, '']);
  },
);

test('test FD@PID decides about a live connection, by a real socket and its process', asRoot, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const { next } = await openServer(t, path);
  const before = [programPath('unshare'), '--mount'];
  python(t, connectScript(), { before, args: [path] });
  const target = `${descriptorNumber(await next())}@${process.pid}`;
  const anywhere = await run(t, ['policy', 'test', written(t, allow('user = 0')), target]);
  assert.equal(anywhere.status, 0, anywhere.stderr);
  const file = written(t, allow('user = 0\nsameNamespaces = true'));
  const kept = await run(t, ['policy', 'test', '--json', file, target]);
  assert.equal(kept.status, 1);
  const { allowed, reason, tried, peer, missing } = JSON.parse(kept.stdout);
  assert.deepEqual([allowed, reason, peer.uid, missing], [false, 'no-rule', 0, []]);
  assert.match(JSON.stringify(tried), /another mnt namespace/);
});

test(
  'test --peer takes a peer that was written down: as words, as a file, as who prints it, and from stdin',
  onLinux,
  async t => {
    const directory = ownDirectory(t);
    const path = join(directory, 's');
    const server = createServer().listen(path);
    t.after(() => server.close());
    const recorded = await new Promise<string>(done => {
      server.on('connection', (socket: Socket) => {
        done(JSON.stringify(peerToJson(peerCredentials(socket))));
        socket.destroy();
      });
      void run(t, ['who', path]);
    });
    const yes = written(t, allow(`user = ${me}`));
    const no = written(t, `${allow('everyone = true')}[[rules]]\neffect = "deny"\nalive = true\n`);
    const record = join(directory, 'peer.json');
    writeFileSync(record, `${recorded}\n`);
    const who = join(directory, 'who.json');
    writeFileSync(who, JSON.stringify({ credentials: JSON.parse(recorded), process: {}, application: {} }));
    for (const peer of [recorded, record, who]) {
      const told = await run(t, ['policy', 'test', yes, '--peer', peer]);
      assert.equal(told.status, 0, told.stdout + told.stderr);
      assert.match(told.stdout, /^A record of uid/);
      const kept = await run(t, ['policy', 'test', no, '--peer', peer]);
      assert.equal(kept.status, 1);
      assert.match(kept.stdout, /^denied: deny rule 1 cannot be evaluated$/m);
      assert.match(kept.stdout, /^ {2}alive: not-provided/m);
    }
    const pipe = ['/bin/sh', '-c', `exec "$@" <'${record}'`, 'sh'];
    assert.equal((await run(t, ['policy', 'test', yes, '--peer', '-'], { before: pipe })).status, 0);
    for (const [peer, status] of [
      ['/dev/zero', 3],
      ['{}', 3],
      ['{', 2],
      ['{"process":{}}', 2],
      [join(directory, 'missing'), 3],
      [recorded.replace('"uid":', '"uidd":'), 3],
    ] as const) {
      const refused = await run(t, ['policy', 'test', yes, '--peer', peer]);
      assert.equal(refused.status, status, `${peer}: ${refused.stderr}`);
      assert.equal(refused.stdout, '');
      assert.doesNotMatch(refused.stderr, /^ {4}at /m);
    }
  },
);

test('test --peer takes what who prints, with unit and sandbox, each as weak as it was', asRoot, async t => {
  const [strong, weak] = [makeCgroup(t, 'x.service'), makeCgroup(t, 'deleg.slice', 'x.service')];
  chownSync(join(weak, '..'), 2001, 2001);
  const path = join(ownDirectory(t, 0o777), 's');
  const { next } = await openServer(t, path);
  const client = python(t, connectScript(), { uid: 2001, gid: 2001, groups: [], args: [path] });
  const target = `${descriptorNumber(await next())}@${process.pid}`;
  const record = join(ownDirectory(t), 'who.json');
  const decided = async (cgroup: string, rules: string) => {
    move(client.child.pid, cgroup);
    writeFileSync(record, (await run(t, ['who', '--json', target])).stdout);
    const live = await run(t, ['policy', 'test', '--json', written(t, rules), target]);
    const { status, stdout, stderr } = await run(t, [
      'policy',
      'test',
      '--json',
      written(t, rules),
      '--peer',
      record,
    ]);
    assert.equal(status, live.status, stdout + stderr);
    assert.deepEqual(JSON.parse(stdout).tried, JSON.parse(live.stdout).tried);
    return status;
  };
  const unit = allow('unit = "x.service"\nalive = true');
  assert.equal(await decided(strong, unit), 0);
  assert.equal(await decided(weak, unit), 1);
  assert.equal(await decided(weak, `${unit}believeForgeable = ["unit"]\n`), 0);
  const kept =
    '[[rules]]\neffect = "deny"\nany = [{ container = "c" }, { application = "a" }, { userUnit = "u" }]\n';
  assert.equal(await decided(strong, `${allow('everyone = true')}${kept}`), 0);
  const told = JSON.parse(readFileSync(record, 'utf8'));
  for (const damage of [{ cgroup: 5 }, { claims: [{}] }, { cgroup: { binding: 'kernel', segments: [{}] } }]) {
    const application = { ...told.application, ...damage };
    writeFileSync(record, JSON.stringify({ ...told, application }));
    const { stdout } = await run(t, ['policy', 'test', written(t, unit), '--peer', record]);
    assert.match(stdout, /^ {2}unit: not-provided/m);
  }
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
  for (const [args, said] of wrong) {
    const { status, stdout, stderr } = await run(t, ['policy', ...args]);
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
