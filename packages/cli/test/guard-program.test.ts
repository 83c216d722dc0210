/** A program for each connection: who it is told the client is, and what else it has of the guard. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { python } from '../../sockcred/build/support/peers.js';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { connection } from './support/clients.js';
import { end, needsOtherUsers } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { ask, CAT, guard, toEverybody } from './support/guards.js';

const withOthers = { skip: needsOtherUsers('python3') };
const onLinux = { skip: needs('linux', 'python3') };
const USER = { uid: 3001, gid: 5001, groups: [44] } as const;

/** Prints every variable as one line. */
const ENVIRONMENT = [
  programPath('python3'),
  '-c',
  'import os\nfor name, value in sorted(os.environ.items()): print(name + "=" + value)',
];

/** Names that say who somebody is, or that are for the guard alone, as an attacker or an outer server has set them. */
const INHERITED = {
  PROTO: 'TCP',
  IPCREMOTEEUID: '0',
  IPCREMOTEEGID: '0',
  IPCREMOTEPATH: '/forged',
  IPCREMOTEINFO: 'root',
  IPCLOCALPATH: '/forged',
  IPCCONNNUM: '99',
  UNIXREMOTEEUID: '0',
  TCPREMOTEIP: '127.0.0.1',
  TCPREMOTEINFO: 'root',
  SOCKCRED_UID: '0',
  SOCKCRED_LABEL: 'forged',
  SOCKCRED_ROLES: 'admin',
  SOCKCRED_ANYTHING: 'forged',
  NOTIFY_SOCKET: '/nowhere/notify',
  WATCHDOG_USEC: '1',
  WATCHDOG_PID: '1',
  LISTEN_PID: '1',
  LISTEN_FDS: '1',
  LISTEN_FDNAMES: 'x',
  KEPT: 'as it was',
};

function variables(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\n')
      .filter(line => line.includes('='))
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

const TOLD = /^(PROTO|IPC|UNIX|TCP|SOCKCRED|NOTIFY|WATCHDOG|LISTEN)/;

/** A guard at a path that lets everybody in, and tells them the environment of their program. */
const tellingEverybody = (path: string): readonly string[] => [
  ...['--listen', path, '--mode', '0666', '--everyone', '--programs-as-root', '--'],
  ...ENVIRONMENT,
];

test(
  'a program is told who it is, in UCSPI and in our own names, and nothing that was there before stays',
  withOthers,
  async t => {
    const path = join(ownDirectory(t), 's');
    const running = await guard(t, tellingEverybody(path), { env: INHERITED });
    const told = variables(await ask(t, path, '', USER));
    const { peer } = await running.entry('admitted');
    const about = Object.fromEntries(Object.entries(told).filter(([name]) => TOLD.test(name)));
    assert.deepEqual(about, {
      PROTO: 'IPC',
      IPCREMOTEEUID: '3001',
      IPCREMOTEEGID: '5001',
      IPCCONNNUM: '1',
      IPCLOCALPATH: path,
      SOCKCRED_UID: '3001',
      SOCKCRED_GID: '5001',
      SOCKCRED_PID: `${peer?.pid}`,
      SOCKCRED_GROUPS: '44 5001',
    });
    assert.equal(told['KEPT'], 'as it was');
  },
);

test('T11: what is not known is unset, and never a number: ids of a user namespace without a mapping', {
  skip: needs('linux', 'root', 'namespaces', 'python3'),
}, async t => {
  // The guard itself is where the client's ids have no mapping.
  const path = join(ownDirectory(t), 's');
  const before = [programPath('unshare'), '--user', '--map-root-user'];
  await guard(t, tellingEverybody(path), { before, env: INHERITED });
  const told = variables(await ask(t, path, '', USER));
  for (const name of ['IPCREMOTEEUID', 'IPCREMOTEEGID', 'IPCCONNNUM', 'SOCKCRED_UID', 'SOCKCRED_GROUPS']) {
    assert.equal(told[name], undefined, name);
  }
  assert.equal(told['PROTO'], 'IPC');
});

test('local roles are words, and a role that is no word serves nobody', withOthers, async t => {
  const directory = ownDirectory(t);
  const { writeFileSync } = await import('node:fs');
  const file = join(directory, 'policy.toml');
  const rule = '[[rules]]\neffect = "allow"\neveryone = true\nmap = "roles"\n\n';
  const map =
    '[[maps.roles]]\nuser = 3001\nas = ["reader", "writer"]\n\n[[maps.roles]]\nuser = 3002\nas = "reader admin"\n';
  writeFileSync(file, rule + map);
  const path = join(directory, 's');
  const running = await guard(t, [
    '--listen',
    path,
    '--mode',
    '0666',
    '--policy',
    file,
    '--programs-as-root',
    '--',
    ...ENVIRONMENT,
  ]);
  assert.equal(variables(await ask(t, path, '', USER))['SOCKCRED_ROLES'], 'reader writer');
  assert.equal(await ask(t, path, '', { uid: 3002, gid: 3002, groups: [] }), '');
  assert.match((await running.entry('unserved')).message ?? '', /role/);
});

test(
  'a program has the connection as its input and output, waits for it as usual, and has nothing else',
  onLinux,
  async t => {
    const path = join(ownDirectory(t), 's');
    const script = `
import os, sys, fcntl
first = os.read(0, 100)
def kind(fd):
    try: return os.readlink('/proc/self/fd/' + fd).split(':')[0]
    except FileNotFoundError: return 'gone'
ours = [fd for fd in os.listdir('/proc/self/fd') if int(fd) > 2 and kind(fd) in ('socket', 'anon_inode')]
blocking = not fcntl.fcntl(0, fcntl.F_GETFL) & os.O_NONBLOCK
print(first.decode(), ours, blocking, flush=True)
rest = sys.stdin.buffer.read()
print(len(rest))
`;
    const words = [
      '--listen',
      path,
      '--same-user',
      '--programs-as-root',
      '--',
      programPath('python3'),
      '-c',
      script,
    ];
    const running = await guard(t, words);
    const client = await connection(t, path, { allowHalfOpen: true });
    const lines = createInterface({ input: client })[Symbol.asyncIterator]();
    client.write('first');
    assert.equal((await lines.next()).value, 'first [] True');
    client.end(Buffer.alloc(300_000));
    assert.equal((await lines.next()).value, '300000');
    assert.equal((await running.entry('ended')).status, 0);
  },
);

test('T57: how a client names its socket reaches no variable and no line of the log', onLinux, async t => {
  const directory = ownDirectory(t);
  const path = join(directory, 's');
  const running = await guard(t, [
    '--listen',
    path,
    '--same-user',
    '--programs-as-root',
    '--',
    ...ENVIRONMENT,
  ]);
  const script = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[2])
s.connect(sys.argv[1])
text = b''
while True:
    data = s.recv(65536)
    if not data: break
    text += data
say('named' if b'uid=0' in text else 'not named', text.count(b'IPCREMOTEEUID='))
`;
  const client = python(t, script, { args: [path, join(directory, ';uid=0;IPCREMOTEEUID=0')] });
  assert.equal(await client.line(), 'not named 1');
  const { stdout } = await end(running);
  assert.doesNotMatch(stdout, /;uid=0;/);
});

test('a program that cannot be started costs its connection, and how one ended is told', onLinux, async t => {
  const directory = ownDirectory(t);
  const running = await guard(t, [
    '--listen',
    join(directory, 'a'),
    '--same-user',
    '--programs-as-root',
    '--',
    '/nowhere/program',
  ]);
  assert.equal(await ask(t, join(directory, 'a'), 'x'), '');
  assert.equal((await running.entry('unserved')).code, 'ENOENT');
  const failing = await guard(t, [
    '--listen',
    join(directory, 'b'),
    '--same-user',
    '--programs-as-root',
    '--',
    '/bin/sh',
    '-c',
    'exit 7',
  ]);
  assert.equal(await ask(t, join(directory, 'b'), ''), '');
  assert.equal((await failing.entry('ended')).status, 7);
});

test('so many programs at the same time, and of one user, and no more', withOthers, async t => {
  const path = join(ownDirectory(t), 's');
  const limits = ['--connections', '3', '--connections-per-uid', '2'];
  const words = [...toEverybody(path), ...limits, ...CAT];
  const running = await guard(t, words);
  const script = `
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    s.sendall(b'x')
    say('served' if s.recv(10) == b'x' else 'closed')
except (ConnectionResetError, BrokenPipeError):
    say('closed')
hear()
`;
  const one = (uid: number) => python(t, script, { uid, gid: uid, groups: [], args: [path] });
  const first = one(3001);
  assert.equal(await first.line(), 'served');
  assert.equal(await one(3001).line(), 'served');
  assert.equal(await one(3001).line(), 'closed');
  assert.equal((await running.entry('limited')).limit, 'connectionsPerUid');
  assert.equal(await one(3002).line(), 'served');
  assert.equal(await one(3003).line(), 'closed');
  await running.entry('limited', ({ limit }) => limit === 'connections');
  // The end of a program makes room.
  first.tell('enough');
  await running.entry('ended');
  assert.equal(await one(3003).line(), 'served');
});

test('how fast one user connects, and who says nothing', withOthers, async t => {
  const path = join(ownDirectory(t), 's');
  const limits = ['--accept-rate', '2/600', '--first-byte', '0.2'];
  const running = await guard(t, [...toEverybody(path), ...limits, ...CAT]);
  assert.equal(await ask(t, path, 'one', USER), 'one');
  const silent = await connection(t, path);
  await new Promise(closed => silent.once('close', closed));
  await running.entry('limited', ({ limit }) => limit === 'firstByteMs');
  assert.equal(await ask(t, path, 'two', USER), 'two');
  assert.equal(await ask(t, path, 'three', USER), '');
  const late = await running.entry('limited', ({ limit }) => limit === 'acceptsPerUid');
  assert.equal(late.peer?.uid, 3001);
});

test(
  'programs may finish at the end; those that take too long are asked to end, then ended',
  onLinux,
  async t => {
    const path = join(ownDirectory(t), 's');
    const script = `
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: None)
print('deaf', flush=True)
while True: time.sleep(1)
`;
    const words = [
      '--listen',
      path,
      '--same-user',
      '--grace',
      '0.1',
      '--programs-as-root',
      '--',
      programPath('python3'),
      '-c',
      script,
    ];
    const running = await guard(t, words);
    const client = await connection(t, path);
    await new Promise(done => client.once('data', done));
    const { status } = await end(running);
    assert.equal(status, 0);
    assert.equal((await running.entry('ended')).status, 'SIGKILL');
  },
);

test('there are 40 programs at the same time, unless another number is said', onLinux, async t => {
  const directory = ownDirectory(t);
  for (const [name, more, most] of [
    ['a', [], 40],
    ['b', ['--connections', '45'], 45],
  ] as const) {
    const path = join(directory, name);
    const words = ['--listen', path, '--same-user', ...more, '--programs-as-root', '--', '/bin/cat'];
    const running = await guard(t, words);
    const clients = await Promise.all(Array.from({ length: most + 1 }, () => connection(t, path)));
    const { limit } = await running.entry('limited');
    assert.equal(limit, 'connections');
    const admitted = running.entries().filter(({ event }) => event === 'admitted');
    assert.equal(admitted.length, most);
    for (const client of clients) client.destroy();
  }
});
