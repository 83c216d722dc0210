/** Connections made under the ids of somebody else: what the server is told, and what stays as it was. */

import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type PeerCredentials, peerCredentials } from 'sockcred';
import { type ConnectIdentity, connectedSocketAs } from '../dist/sys/connect-as.js';
import { closeDescriptor } from '../dist/sys/descriptor.js';
import { openDirectory } from './support/directories.js';
import { connectScript, openServer, python } from './support/peers.js';
import { runProgram } from './support/programs.js';
import { needs } from './support/requirements.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };

/** The ids of every thread of this process, as lines of its status. */
function idsOfThreads(): string[] {
  return readdirSync('/proc/self/task').flatMap(thread => {
    try {
      const status = readFileSync(`/proc/self/task/${thread}/status`, 'latin1');
      return [(status.match(/^(Uid|Gid|Groups|CapEff):.*$/gm) ?? []).join(' ')];
    } catch {
      return []; // the thread ended meanwhile
    }
  });
}

function connected(path: string, who: ConnectIdentity): number {
  const made = connectedSocketAs({ kind: 'path', path }, who);
  assert.ok('fd' in made, 'refused' in made ? made.refused.errno : '');
  return made.fd;
}

function refusal(path: string, who: ConnectIdentity): string | undefined {
  const made = connectedSocketAs({ kind: 'path', path }, who);
  if ('fd' in made) closeDescriptor(made.fd);
  return 'refused' in made ? made.refused.errno : undefined;
}

test('the server is told the ids that were asked for, and this process', asRoot, async t => {
  const path = join(openDirectory(t), 's');
  const { next } = await openServer(t, path);
  const before = idsOfThreads();
  const cases: ConnectIdentity[] = [
    { uid: 1234, gid: 55, groups: [] },
    { uid: 1234, gid: 55, groups: [55] },
    { uid: 4_294_967_294, gid: 4_294_967_294, groups: [1, 70_000, 4_294_967_294] },
    { uid: 0, gid: 0, groups: [27] },
    { uid: 7, gid: 8, groups: Array.from({ length: 2000 }, (_, index) => index * 3) },
  ];
  for (const who of cases) {
    const fd = connected(path, who);
    const peer: PeerCredentials = peerCredentials(await next());
    closeDescriptor(fd);
    assert.equal(peer.uid, who.uid);
    assert.equal(peer.gid, who.gid);
    assert.equal(peer.pid, process.pid);
    const all = [...new Set([who.gid, ...who.groups])].sort((a, b) => a - b);
    assert.deepEqual(peer.groups, all);
  }
  assert.deepEqual(new Set(idsOfThreads()), new Set(before), 'no thread has other ids than before');
});

test('a client and a connection made under its ids look the same but for the pid', asRoot, async t => {
  const path = join(openDirectory(t), 's');
  const { next } = await openServer(t, path);
  python(t, connectScript(), { uid: 2001, gid: 2002, groups: [27, 2003], args: [path] });
  const client = peerCredentials(await next());
  const { uid, gid, groups } = client;
  assert.ok(uid !== undefined && gid !== undefined && groups !== undefined);
  const fd = connected(path, { uid, gid, groups });
  t.after(() => closeDescriptor(fd));
  const { pid, ...same } = peerCredentials(await next());
  const { pid: _, ...wanted } = client;
  assert.equal(pid, process.pid);
  assert.deepEqual(same, wanted);
});

test('the permissions of the path are those of the ids', asRoot, async t => {
  const directory = openDirectory(t);
  const path = join(directory, 's');
  await openServer(t, path);
  const stranger = { uid: 1234, gid: 1234, groups: [] };
  chmodSync(path, 0o660);
  assert.equal(refusal(path, stranger), 'EACCES');
  assert.equal(refusal(path, { ...stranger, groups: [0] }), undefined, 'a group that may');
  chmodSync(path, 0o666);
  chmodSync(directory, 0o700);
  assert.equal(refusal(path, stranger), 'EACCES', 'the directory counts as well');
  assert.equal(refusal(join(directory, 'missing'), { uid: 0, gid: 0, groups: [] }), 'ENOENT');
});

test('ids that mean "leave it as it is", or are none, are refused', asRoot, t => {
  const path = join(openDirectory(t), 's');
  for (const id of [-1, 0xffffffff, 2 ** 32, 0.5, Number.NaN]) {
    assert.throws(() => refusal(path, { uid: id, gid: 1, groups: [] }), RangeError);
    assert.throws(() => refusal(path, { uid: 1, gid: id, groups: [] }), RangeError);
    assert.throws(() => refusal(path, { uid: 1, gid: 1, groups: [id] }), RangeError);
  }
});

test('without the privilege nothing is connected', {
  skip:
    asRoot.skip || (typeof process.setgroups !== 'function' && 'needs a runtime that can drop its groups'),
}, async t => {
  const directory = openDirectory(t);
  const path = join(directory, 's');
  const { server } = await openServer(t, path);
  let connections = 0;
  server.on('connection', () => connections++);
  const script = `
    import { connectedSocketAs } from '${new URL('../dist/sys/connect-as.js', import.meta.url)}';
    process.setgroups([]); process.setgid(1234); process.setuid(1234);
    const made = connectedSocketAs({ kind: 'path', path: '${path}' }, { uid: 1234, gid: 1234, groups: [] });
    console.log(made.refused?.errno);`;
  const { stdout, stderr } = runProgram(t, script);
  assert.equal(stdout, 'EPERM\n', stderr);
  await new Promise(done => setImmediate(done));
  assert.equal(connections, 0);
});

test('the user that is connected as cannot signal the thread that does it', asRoot, async t => {
  const path = join(openDirectory(t), 's');
  const { server } = await openServer(t, path);
  server.on('connection', (socket: Socket) => socket.destroy());
  // Tries every thread of this process, again and again, for as long as connections are made.
  const script = `
say('begin')
signalled = 0
while True:
    try:
        threads = os.listdir('/proc/%s/task' % sys.argv[1])
    except OSError:
        threads = []
    for thread in threads:
        try:
            os.kill(int(thread), signal.SIGURG)
            signalled += 1
        except OSError:
            pass
    if signalled:
        say('signalled')
        break
`;
  const attacker = python(t, script, { uid: 1234, gid: 1234, groups: [], args: [`${process.pid}`] });
  assert.equal(await attacker.line(), 'begin');
  let signalled = false;
  attacker.line().then(
    () => {
      signalled = true;
    },
    () => {},
  );
  for (let round = 0; round < 3000; round++) {
    const made = connectedSocketAs({ kind: 'path', path }, { uid: 1234, gid: 1234, groups: [] });
    if ('fd' in made) closeDescriptor(made.fd);
    if (round % 50 === 0) await new Promise(done => setImmediate(done));
  }
  assert.equal(signalled, false);
});
