/** `sockcred ls`: sockets that are there, with who holds them, filtered, as columns and as JSON lines. */

import assert from 'node:assert/strict';
import { chownSync, renameSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCgroup } from '../../sockcred/build/support/cgroups.js';
import { connectScript, python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { lacksList } from '../../sockcred/build/support/socket-list.js';
import { needsOtherUsers, run } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { LISTEN, linesOf } from './support/listed.js';

const withSockets = { skip: needsOtherUsers('python3') || lacksList() };
const unprivileged = ['/usr/bin/setpriv', '--reuid=2001', '--regid=2001', '--clear-groups'];

const identity = (uid: number) => ({ uid, gid: uid, groups: [] });

test('ls shows who listens, and each connection once with who is at either end', withSockets, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const server = python(t, LISTEN, { ...identity(2001), args: [path] });
  await server.line();
  const client = python(t, connectScript("s.send(b'x')\nsay('connected')"), {
    ...identity(2002),
    args: [path],
  });
  await client.line();
  const { status, stdout, stderr } = await run(t, ['ls', '--json', '--name', path]);
  assert.equal(status, 0, stderr);
  const lines = linesOf(stdout);
  assert.deepEqual(
    lines.map(({ schemaVersion, state, name }) => [schemaVersion, state, name]),
    [
      [1, 'listening', path],
      [1, 'connected', path],
    ],
  );
  const [listening, connected] = lines;
  assert.deepEqual(
    listening?.holders.map(({ pid, uid }) => [pid, uid]),
    [[server.child.pid, 2001]],
  );
  assert.equal(listening?.leadsHere, true);
  assert.match(listening?.holders[0]?.program ?? '', /python3/);
  assert.equal(connected?.holders[0]?.pid, server.child.pid);
  assert.equal(connected?.peers[0]?.pid, client.child.pid);
  const rows = (await run(t, ['ls', '--name', path])).stdout.split('\n').filter(Boolean);
  const fd = listening?.holders[0]?.fd;
  assert.match(rows[0] ?? '', /^STATE +TYPE +FD@PID +USER +PROGRAM +PART +NAME$/);
  assert.match(
    rows[1] ?? '',
    new RegExp(`^listening +stream +${fd}@${server.child.pid} +2001 +\\S*python3\\S* .* ${path}$`),
  );
  assert.match(rows[2] ?? '', new RegExp(`^connected +stream +\\d+@${server.child.pid} +2001 `));
  assert.match(rows[3] ?? '', new RegExp(`^ with +stream +\\d+@${client.child.pid} +2002 `));
  assert.equal(rows.length, 4);
  assert.deepEqual(
    [...new Set(rows.map(row => row.lastIndexOf(row === rows[0] ? 'NAME' : path)))].length,
    1,
    'the columns are aligned',
  );
  // FD@PID is a word for `who`.
  const word = /\d+@\d+/.exec(rows[3] ?? '')?.[0] ?? '';
  const asked = await run(t, ['who', '--json', word]);
  assert.equal(asked.status, 0, asked.stderr);
});

test('ls filters by user, process, state, type and text', withSockets, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const server = python(t, LISTEN, { ...identity(2001), args: [path] });
  await server.line();
  const client = python(t, connectScript("say('connected')"), { ...identity(2002), args: [path] });
  await client.line();
  const states = async (...args: readonly string[]) =>
    linesOf((await run(t, ['ls', '--json', '--name', path, ...args])).stdout).map(({ state }) => state);
  const both = ['listening', 'connected'];
  assert.deepEqual(await states('--uid', '2001'), both);
  assert.deepEqual(await states('--uid', '2002'), ['connected'], 'one end is enough');
  assert.deepEqual(await states('--user', userInfo().username), []);
  assert.deepEqual(await states('--pid', `${client.child.pid}`), ['connected']);
  assert.deepEqual(await states('--state', 'listening'), ['listening']);
  assert.deepEqual(await states('--type', 'stream'), both);
  assert.deepEqual(await states('--type', 'datagram'), []);
  assert.deepEqual(await states('--unit', 'none-such.service'), []);
  assert.deepEqual(await states('--app', 'none-such'), []);
});

for (const [args, word] of [
  [['--uid', '-1'], "--uid: '-1' is no integer"],
  [['--uid', 'root'], '--uid'],
  [['--user', 'nobody-of-that-name'], '--user'],
  [['--state', 'open'], '--state'],
  [['--type', 'raw'], '--type'],
  [['--uid', '0', '--user', 'root'], '--user'],
] as const) {
  test(`a mistake is named: ls ${args.join(' ')}`, { skip: needs('linux') }, async t => {
    const { status, stderr } = await run(t, ['ls', ...args]);
    assert.equal(status, 2);
    assert.ok(stderr.includes(word), stderr);
  });
}

test('T65: a name with escape sequences is escaped, as text and as JSON', withSockets, async t => {
  const name = `sockcred-ls-${process.pid}\u001b[31m\nuid 0\u202e\u3164`;
  const server = python(t, LISTEN.replace('sys.argv[1]', "'\\0' + sys.argv[1]"), { args: [name] });
  await server.line();
  for (const [args, lines] of [
    [[], 2],
    [['--json'], 1],
  ] as const) {
    const { stdout } = await run(t, ['ls', '--name', `sockcred-ls-${process.pid}`, ...args]);
    assert.equal(stdout.split('\n').length, lines + 1, stdout);
    assert.ok(!/[\u001b\u202e\u3164]/.test(stdout));
  }
});

test('T65: a name cannot be taken for other fields of a line', withSockets, async t => {
  const forged = `/run/dbus/bus  listening stream  pid 1 uid 0 /usr/bin/dbus-daemon (dbus.service) ${process.pid}`;
  const server = python(t, LISTEN.replace('sys.argv[1]', "'\\0' + sys.argv[1]"), {
    ...identity(2001),
    args: [forged],
  });
  await server.line();
  const [, row = ''] = (await run(t, ['ls', '--name', forged])).stdout.split('\n');
  assert.ok(row.endsWith(` "@${forged}"`), row);
  assert.match(row, /^listening +stream +\d+@\d+ +2001 /);
});

test('a path that leads elsewhere by now is marked', withSockets, async t => {
  const directory = ownDirectory(t, 0o777);
  const path = join(directory, 's');
  const old = python(t, LISTEN, { args: [path] });
  await old.line();
  renameSync(path, `${path}.old`);
  const gone = linesOf((await run(t, ['ls', '--json', '--name', path])).stdout);
  assert.deepEqual(
    gone.map(({ leadsHere }) => leadsHere),
    [false],
  );
  const young = python(t, LISTEN, { args: [path] });
  await young.line();
  const both = linesOf((await run(t, ['ls', '--json', '--name', path])).stdout);
  assert.deepEqual(
    both.map(({ holders, leadsHere }) => [holders[0]?.pid, leadsHere]).sort(),
    [
      [old.child.pid, false],
      [young.child.pid, true],
    ].sort(),
  );
  assert.match((await run(t, ['ls', '--name', path])).stdout, / \(does not lead here\)$/m);
});

test('whoever waits to be accepted is shown where they wait', withSockets, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const idle = `${LISTEN.slice(0, LISTEN.indexOf('while True:'))}signal.pause()\n`;
  const server = python(t, idle, { ...identity(2001), args: [path] });
  await server.line();
  const client = python(t, connectScript("say('connected')"), { ...identity(2002), args: [path] });
  await client.line();
  const passing = python(t, connectScript('os._exit(0)'), { args: [path] });
  await passing.exited;
  const lines = linesOf((await run(t, ['ls', '--json', '--name', path])).stdout);
  assert.equal(lines.length, 1);
  assert.equal(lines[0]?.waiting, 2);
  assert.deepEqual(
    lines[0]?.waiters.map(({ holders }) => holders.map(({ pid, uid }) => [pid, uid])),
    [[[client.child.pid, 2002]]],
  );
  const { stdout } = await run(t, ['ls', '--name', path]);
  assert.match(stdout, new RegExp(`^ waits +stream +\\d+@${client.child.pid} +2002 `, 'm'));
  assert.match(stdout, /^ waits .* 1 that cannot be seen /m);
});

test('a process whose first thread has ended is seen by the others', withSockets, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const script = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
def rest():
    while not open('/proc/%d/stat' % os.getpid()).read().rpartition(')')[2].startswith(' Z'):
        time.sleep(0.01)
    say('alone')
    while True:
        keep = s.accept()
threading.Thread(target=rest).start()
ctypes.CDLL(None).syscall(ctypes.c_long({'x86_64': 60, 'aarch64': 93}[os.uname().machine]), 0)
`;
  const server = python(t, script, { args: [path] });
  await server.line();
  const [listening] = linesOf((await run(t, ['ls', '--json', '--name', path])).stdout);
  const [holder] = listening?.holders ?? [];
  assert.equal(holder?.pid, server.child.pid);
  assert.ok(holder?.thread !== undefined && holder.thread !== holder.pid);
  assert.equal(holder?.unknown, undefined);
  assert.equal(holder?.uid, 0);
  assert.equal(typeof holder?.part?.unknown, 'string', 'what cannot be told is no “none”');
});

test('T52: what a user calls a cgroup of their own is marked as their word', {
  skip: withSockets.skip || needs('cgroups'),
}, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const claimed = 'ab'.repeat(32);
  const inner = makeCgroup(t, 'user-2001.slice', `docker-${claimed}.scope`);
  chownSync(join(inner, '..'), 2001, 2001);
  chownSync(inner, 2001, 2001);
  const server = python(t, LISTEN, {
    ...identity(2001),
    args: [path],
    before: ['/bin/sh', '-c', `echo $$ > ${inner}/cgroup.procs; exec "$@"`, 'sh'],
  });
  await server.line();
  const [listening] = linesOf((await run(t, ['ls', '--json', '--name', path])).stdout);
  assert.deepEqual(listening?.holders[0]?.part, {
    engine: 'container',
    name: claimed,
    authority: { of: 'user', uid: 2001 },
  });
  const { stdout } = await run(t, ['ls', '--name', path, '--app', claimed]);
  assert.ok(stdout.includes(`${claimed} (said by uid 2001)`), stdout);
});

test('without root ls says what it cannot see, and that there is another end', withSockets, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const server = python(t, LISTEN, { args: [path] });
  await server.line();
  const client = python(t, connectScript("say('connected')"), { ...identity(2001), args: [path] });
  await client.line();
  const { status, stdout, stderr } = await run(t, ['ls', '--name', path], { before: unprivileged });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /descriptors of \d+ process(?:es)? cannot be seen/);
  assert.match(stderr, /1 listening socket has no holder that can be seen/);
  assert.match(stdout, /^connected +stream +\? +\? +\? +\? +/m);
  assert.match(stdout, new RegExp(`^ with +stream +\\d+@${client.child.pid} +2001 `, 'm'));
});

test('a /proc with hidepid= and other network namespaces are said', {
  skip: withSockets.skip || needs('namespaces'),
}, async t => {
  const mounted = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"';
  const before = [
    '/usr/bin/unshare',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '/bin/sh',
    '-c',
    mounted,
    'sh',
  ];
  const hidden = await run(t, ['ls'], { before: [...before, ...unprivileged] });
  assert.equal(hidden.status, 0, hidden.stderr);
  assert.match(hidden.stderr, /hidepid=/);
  const elsewhere = python(t, "say('here')\nhear()", { before: ['/usr/bin/unshare', '--net'] });
  await elsewhere.line();
  const { stderr } = await run(t, ['ls']);
  assert.match(stderr, /\d+ process(?: is|es are) in other network namespaces/);
});

test('without any /proc the sockets are listed, and that nobody is seen is said', {
  skip: withSockets.skip || needs('namespaces', 'node'),
}, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const server = python(t, LISTEN, { args: [path] });
  await server.line();
  const before = ['/usr/bin/unshare', '--mount', '/bin/sh', '-c', 'umount -l /proc && exec "$@"', 'sh'];
  const { status, stdout, stderr } = await run(t, ['ls', '--json', '--name', path], { before });
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    linesOf(stdout).map(({ name, holders }) => [name, holders.length]),
    [[path, 0]],
  );
  assert.match(stderr, /\/proc is missing/);
});

test('ls filters by unit, as root has named it', { skip: withSockets.skip || needs('cgroups') }, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const unit = `sockcred-ls-${process.pid}.service`;
  const inner = makeCgroup(t, unit);
  const server = python(t, LISTEN, {
    args: [path],
    before: ['/bin/sh', '-c', `echo $$ > ${inner}/cgroup.procs; exec "$@"`, 'sh'],
  });
  await server.line();
  const [listening, ...more] = linesOf((await run(t, ['ls', '--json', '--unit', unit])).stdout);
  assert.deepEqual([listening?.name, more.length], [path, 0]);
  assert.deepEqual(listening?.holders[0]?.part, {
    engine: 'systemd',
    name: unit,
    authority: { of: 'root' },
  });
});
