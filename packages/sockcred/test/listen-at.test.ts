/** A path to listen at: its mode from the first moment, stale files replaced, live servers left alone. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { listenAt, listenerCredentials, PeerError, type PeerErrorCode, PeerTypeError } from 'sockcred';
import { createGate } from 'sockcred/gate';
import { UnixStreamServer } from 'sockcred/messages';
import { openDirectory, ownDirectory } from './support/directories.js';
import { python } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';

const inNode = { skip: needs('linux', 'python3', 'node') };
const asAnyone = { skip: needs('linux', 'python3') };
const asRootInNode = { skip: needs('linux', 'root', 'python3', 'setpriv', 'node') };

function newServer(t: TestContext): Server {
  const server = createServer(socket => socket.on('error', () => {}).end('hello'));
  t.after(() => server.close());
  return server;
}

function modeAt(path: string): string {
  return (lstatSync(path).mode & 0o7777).toString(8);
}

function fails(code: PeerErrorCode, errno?: string): (error: unknown) => boolean {
  return error =>
    error instanceof PeerError && error.code === code && (errno === undefined || error.errno === errno);
}

/** A socket file whose server is dead. */
async function leaveDeadSocket(t: TestContext, path: string): Promise<void> {
  const script = 's = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()';
  await python(t, script, { args: [path] }).exited;
  assert.ok(lstatSync(path).isSocket());
}

test('a server listens at a path that others cannot use, and the file goes with it', asAnyone, async t => {
  const path = `${openDirectory(t)}/s`;
  const listening = await listenAt(newServer(t), path);
  assert.equal(listening.path, path);
  assert.equal(modeAt(path), '600');
  const client = connect(path);
  const [data] = (await once(client, 'data')) as [Buffer];
  assert.equal(data.toString(), 'hello');
  assert.equal(listenerCredentials(path).pid, process.pid);
  client.destroy();
  await listening.close();
  assert.ok(!existsSync(path));
});

test('closing the server by itself removes the file as well', asAnyone, async t => {
  const path = `${openDirectory(t)}/s`;
  const server = newServer(t);
  await listenAt(server, path);
  server.close();
  await once(server, 'close');
  assert.ok(!existsSync(path));
});

test('the mode is the one asked for, whatever the umask', asAnyone, async t => {
  const directory = openDirectory(t);
  mkdirSync(`${directory}/ours`, { mode: 0o755 });
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  for (const mode of [0o600, 0o660, 0o666, 0o777, 0o400]) {
    const path = `${directory}/ours/${mode.toString(8)}`;
    await listenAt(newServer(t), path, { mode });
    assert.equal(modeAt(path), mode.toString(8));
  }
});

test(
  'a mode wider than the umask is not set in a directory where others can exchange the file',
  asAnyone,
  async t => {
    const directory = openDirectory(t);
    const before = process.umask(0o022);
    t.after(() => process.umask(before));
    await assert.rejects(
      listenAt(newServer(t), `${directory}/s`, { mode: 0o666 }),
      fails('ERR_LISTEN_DIRECTORY'),
    );
    assert.ok(!existsSync(`${directory}/s`), 'and nothing is left behind');
    await listenAt(newServer(t), `${directory}/s`, { mode: 0o644 });
  },
);

test('the group is the one asked for, whatever the umask, also of a gate and of messages', {
  skip: needs('linux', 'root', 'node'),
}, async t => {
  const directory = ownDirectory(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const options = { mode: 0o660, group: 5001 };
  const gate = createGate({ authorize: () => false });
  gate.handTo(createServer());
  t.after(() => gate.close());
  const messages = new UnixStreamServer(options);
  t.after(() => messages.close());
  await listenAt(newServer(t), `${directory}/server`, options);
  await gate.listen(`${directory}/gate`, options);
  await messages.listen(`${directory}/messages`);
  for (const name of ['server', 'gate', 'messages']) {
    assert.equal(lstatSync(`${directory}/${name}`).gid, 5001, name);
    assert.equal(modeAt(`${directory}/${name}`), '660', name);
  }
  await assert.rejects(
    listenAt(newServer(t), `${openDirectory(t)}/s`, options),
    fails('ERR_LISTEN_DIRECTORY'),
  );
});

test('at the moment of bind(2) the file has its mode already', {
  skip: needs('linux', 'python3'),
}, async t => {
  // The watcher sees every state of the file from its creation on; inotify loses none.
  const directory = openDirectory(t);
  const watcher = python(
    t,
    `
libc = ctypes.CDLL(None)
watch = libc.inotify_init()
libc.inotify_add_watch(watch, sys.argv[1].encode(), 0x100)
say('watching')
os.read(watch, 4096)
say(oct(os.lstat(sys.argv[1] + '/s').st_mode & 0o777))`,
    { args: [directory] },
  );
  await watcher.line();
  const before = process.umask(0);
  t.after(() => process.umask(before));
  await listenAt(newServer(t), `${directory}/s`, { mode: 0o600 });
  assert.equal(await watcher.line(), '0o600');
});

test('the file of a dead server is replaced, and keeps its own name in the kernel', asAnyone, async t => {
  const directory = openDirectory(t);
  const path = `${directory}/s`;
  await leaveDeadSocket(t, path);
  const dead = lstatSync(path, { bigint: true }).mtimeNs;
  await listenAt(newServer(t), path);
  assert.notEqual(lstatSync(path, { bigint: true }).mtimeNs, dead);
  assert.equal(listenerCredentials(path).pid, process.pid);
  assert.deepEqual(readdirSync(directory), ['s'], 'nothing else is left behind');
  const probe = python(
    t,
    `
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
say(s.getpeername())`,
    { args: [path] },
  );
  assert.equal(await probe.line(), path);
});

test('a live server is never displaced, also if its backlog is full', asAnyone, async t => {
  const path = `${openDirectory(t)}/s`;
  const script = `
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0)
clients = []
while True:
    c = socket.socket(socket.AF_UNIX); c.setblocking(False)
    try: c.connect(sys.argv[1])
    except BlockingIOError: break
    clients.append(c)
say('full', len(clients))
hear()`;
  const live = python(t, script, { args: [path] });
  await live.line();
  const { ino } = lstatSync(path);
  await assert.rejects(listenAt(newServer(t), path), fails('ERR_LISTEN_IN_USE', 'EADDRINUSE'));
  assert.equal(lstatSync(path).ino, ino);
});

test('a server that is bound and begins to listen a moment later is not displaced', asAnyone, async t => {
  const path = `${openDirectory(t)}/s`;
  const script = `
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); say('bound')
time.sleep(0.03); s.listen(); hear()`;
  const late = python(t, script, { args: [path] });
  await late.line();
  const { ino } = lstatSync(path);
  await assert.rejects(listenAt(newServer(t), path), fails('ERR_LISTEN_IN_USE'));
  assert.equal(lstatSync(path).ino, ino);
});

test('a datagram socket that is in use is not taken for dead', asAnyone, async t => {
  const path = `${openDirectory(t)}/s`;
  const script =
    "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); say('bound'); hear()";
  await python(t, script, { args: [path] }).line();
  await assert.rejects(listenAt(newServer(t), path), fails('ERR_LISTEN_IN_USE'));
});

test('of many that want the place of a dead server at once, one gets it and serves', asAnyone, async t => {
  const directory = openDirectory(t);
  const path = `${directory}/s`;
  await leaveDeadSocket(t, path);
  const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => listenAt(newServer(t), path)));
  assert.equal(attempts.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const attempt of attempts) {
    if (attempt.status === 'rejected')
      assert.ok(fails('ERR_LISTEN_IN_USE')(attempt.reason), String(attempt.reason));
  }
  assert.equal(listenerCredentials(path).pid, process.pid);
  assert.deepEqual(readdirSync(directory), ['s']);
});

test('what is no socket is left alone: a file, a directory, a link to nowhere', asAnyone, async t => {
  const directory = openDirectory(t);
  writeFileSync(`${directory}/file`, 'precious');
  mkdirSync(`${directory}/directory`);
  symlinkSync('/nowhere', `${directory}/link`);
  for (const name of ['file', 'directory', 'link']) {
    await assert.rejects(
      listenAt(newServer(t), `${directory}/${name}`),
      fails('ERR_LISTEN_OCCUPIED', 'EADDRINUSE'),
    );
  }
  assert.deepEqual(readdirSync(directory).sort(), ['directory', 'file', 'link']);
});

test('a socket that got the inode number of ours is still not ours', asAnyone, async t => {
  const path = `${openDirectory(t)}/s`;
  const server = newServer(t);
  await listenAt(server, path);
  // Once closed, nothing holds the number any more; many file systems give it out again at once.
  const script =
    "os.unlink(sys.argv[1]); say('gone'); hear(); s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); say('replaced'); hear()";
  const other = python(t, script, { args: [path] });
  await other.line();
  server.prependOnceListener('close', () => {
    other.tell('go');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  });
  server.close();
  await other.line();
  assert.equal(listenerCredentials(path).pid, other.child.pid);
});

test('a file that somebody else put in place of ours is not removed at the end', asAnyone, async t => {
  const path = `${openDirectory(t)}/s`;
  const listening = await listenAt(newServer(t), path);
  const script =
    "os.unlink(sys.argv[1]); s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); say('replaced'); hear()";
  const other = python(t, script, { args: [path] });
  await other.line();
  await listening.close();
  assert.equal(listenerCredentials(path).pid, other.child.pid);
});

test('abstract names are exactly the bytes given, and can be used again', asAnyone, async t => {
  const name = `sockcred-listen-${process.pid}`;
  const listening = await listenAt(newServer(t), `@${name}`);
  assert.equal(listening.path, `@${name}`);
  const client = python(
    t,
    "s = socket.socket(socket.AF_UNIX); s.connect('\\0' + sys.argv[1]); say(s.recv(9).decode())",
    {
      args: [name],
    },
  );
  assert.equal(await client.line(), 'hello');
  await assert.rejects(listenAt(newServer(t), `\0${name}`), fails('ERR_LISTEN_IN_USE'));
  await listening.close();
  await (await listenAt(newServer(t), `@${name}`)).close();
});

test('what the system refuses names path and errno', asAnyone, async t => {
  const directory = openDirectory(t);
  const missing = `${directory}/missing/s`;
  await assert.rejects(
    listenAt(newServer(t), missing),
    (error: unknown) => fails('ERR_PEER_SYSTEM', 'ENOENT')(error) && (error as PeerError).path === missing,
  );
  const long = `${directory}/${'x'.repeat(108 - directory.length - 1)}`;
  await assert.rejects(listenAt(newServer(t), long), fails('ERR_PEER_SYSTEM', 'ENAMETOOLONG'));
  await (await listenAt(newServer(t), long.slice(0, -1))).close();
});

test(
  'another user cannot have the file of a dead server in a sticky directory taken away',
  asRootInNode,
  async t => {
    const directory = openDirectory(t);
    const path = `${directory}/s`;
    await leaveDeadSocket(t, path);
    chmodSync(directory, 0o1777);
    const script = `
try { process.setgid(1234); process.setuid(1234);
  const { listenAt } = await import('${new URL('../dist/index.js', import.meta.url)}');
  const { createServer } = await import('node:net');
  await listenAt(createServer(), process.argv[1]); console.log('listening'); process.exit();
} catch (error) { console.log(error.code, error.errno); }`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script, path], {
      encoding: 'utf8',
    });
    assert.match(run.stdout, /^(ERR_LISTEN_IN_USE EADDRINUSE|ERR_PEER_SYSTEM EPERM)\n$/, run.stderr);
    assert.ok(lstatSync(path).isSocket());
  },
);

test('wrong arguments are TypeErrors', async t => {
  const refused = (error: unknown) => error instanceof PeerTypeError && error.code === 'ERR_ARGUMENT';
  await assert.rejects(listenAt(newServer(t), ''), refused);
  await assert.rejects(listenAt(newServer(t), '/tmp/a\0b'), refused);
  await assert.rejects(listenAt(newServer(t), '/tmp/x', { mode: 0o1777 }), refused);
  await assert.rejects(listenAt(newServer(t), '/tmp/x', { mode: -1 }), refused);
  await assert.rejects(listenAt(newServer(t), '/tmp/x', { backlog: 0 }), refused);
  for (const group of [-1, 0xffffffff, 1.5, Number.NaN])
    await assert.rejects(listenAt(newServer(t), '/tmp/x', { group }), refused);
  await assert.rejects(listenAt(newServer(t), '@sockcred-group', { group: 0 }), refused);
});

// Bun and Deno listen once more, with a backlog of their own.
test('backlog is how many connections wait, and no more', inNode, async t => {
  const path = `${openDirectory(t)}/s`;
  await listenAt(newServer(t), path, { backlog: 3 });
  const script = `
import socket, sys
waiting = []
try:
    while len(waiting) < 100:
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        s.connect(sys.argv[1])
        waiting.append(s)
except BlockingIOError:
    pass
print(len(waiting))
`;
  // Nothing is accepted meanwhile: spawnSync() holds the event loop. The kernel lets one more than the backlog wait.
  const { stdout } = spawnSync(programPath('python3'), ['-c', script, path], { encoding: 'utf8' });
  assert.equal(stdout.trim(), '4');
});

test(
  'a worker of node:cluster is refused: the primary would listen on a descriptor of its own',
  asAnyone,
  async t => {
    const path = `${openDirectory(t)}/s`;
    const script = `
import cluster from 'node:cluster';
import { createServer } from 'node:net';
import { listenAt } from '${new URL('../dist/index.js', import.meta.url)}';
if (cluster.isPrimary) {
  cluster.fork();
} else {
  const outcome = await listenAt(createServer(), '${path}').catch(error => error.code);
  process.stdout.write(String(outcome), () => process.disconnect());
}
`;
    const file = `${openDirectory(t)}/worker.mjs`;
    writeFileSync(file, script);
    const { stdout } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 30_000 });
    assert.equal(stdout, 'ERR_PEER_UNSUPPORTED');
    assert.ok(!existsSync(path));
  },
);
