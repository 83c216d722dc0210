/** What the kernel captured when the connection was made stays, whatever the peer becomes. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { type TestContext, test } from 'node:test';
import { peerCredentials } from 'sockcred';
import { closeDescriptor } from '../dist/sys/descriptor.js';
import { peerPidfd, pidfdOutcome } from '../dist/sys/peer-pidfd.js';
import { parsePidfdInfo, pidfdProcess } from '../dist/sys/pidfd-info.js';
import { openDirectory } from './support/directories.js';
import { acceptFrom, connectScript, descriptorNumber, openServer, python } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';
import { statusOf, until } from './support/waiting.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };
/** For programs given to node -e, whose arguments other runtimes count otherwise. */
const inNode = { skip: needs('linux', 'root', 'python3', 'node') };
const asAnyone = { skip: needs('linux', 'python3') };

test('T9: a peer that closed and exited is still named, asked for the first time', asRoot, async t => {
  const path = `${openDirectory(t)}/s`;
  const { next } = await openServer(t, path);
  const peer = python(t, connectScript().replace('hear()', 's.close()'), {
    uid: 1234,
    gid: 4321,
    groups: [9],
    args: [path],
  });
  assert.equal(await peer.exited, 0);
  await until(() => statusOf(peer.child.pid, 'State') === undefined);
  const socket = await next();
  const found = peerCredentials(socket);
  assert.equal(found.uid, 1234);
  assert.equal(found.pid, peer.child.pid);
  assert.deepEqual(found.groups, [9, 4321]);
});

test('T25: a reaped peer, a foreign socket and a missing option are told apart', asAnyone, async t => {
  const path = `${openDirectory(t)}/s`;
  const { next } = await openServer(t, path);
  const peer = python(t, connectScript(), { args: [path] });
  const socket = await next();
  const alive = peerPidfd(descriptorNumber(socket));
  if (alive.fd === undefined) {
    assert.equal(alive.outcome.kind, 'unsupported', 'before Linux 6.5');
  } else {
    assert.deepEqual(pidfdProcess(alive.fd), { state: 'visible', pid: peer.child.pid });
    closeDescriptor(alive.fd);
  }
  peer.tell('go');
  await peer.exited;
  await until(() => statusOf(peer.child.pid, 'State') === undefined);
  const reaped = peerPidfd(descriptorNumber(socket));
  if (reaped.fd === undefined) {
    assert.ok(['unsupported', 'gone'].includes(reaped.outcome.kind), reaped.outcome.kind);
  } else {
    assert.deepEqual(pidfdProcess(reaped.fd), { state: 'reaped' });
    closeDescriptor(reaped.fd);
  }
});

test(
  'T25: each error of SO_PEERPIDFD is an outcome of its own, and none is remembered',
  asAnyone,
  async t => {
    const { ENOPROTOOPT, EINVAL, ESRCH, ENODATA } = constants.errno;
    assert.equal(pidfdOutcome(ENOPROTOOPT).kind, 'unsupported');
    assert.deepEqual(pidfdOutcome(EINVAL), { kind: 'gone', errno: 'EINVAL' });
    assert.deepEqual(pidfdOutcome(ESRCH), { kind: 'gone', errno: 'ESRCH' });
    assert.equal(pidfdOutcome(ENODATA).kind, 'no-data');
    assert.equal(pidfdOutcome(0x10001).kind, 'bad-length');
    const { socket } = await acceptFrom(t);
    const after = peerPidfd(descriptorNumber(socket));
    assert.notEqual(after.outcome.kind, 'gone');
    if (after.fd !== undefined) closeDescriptor(after.fd);
  },
);

test('T26: fdinfo is read by its own line, and only that', () => {
  const text = (pid: string) =>
    `pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t1\nPid:\t${pid}\nNSpid:\t${pid}\n`;
  assert.deepEqual(parsePidfdInfo(text('4242')), { state: 'visible', pid: 4242 });
  assert.deepEqual(parsePidfdInfo(text('0')), { state: 'foreign' });
  assert.deepEqual(parsePidfdInfo(text('-1')), { state: 'reaped' });
  for (const wrong of ['-2', '', 'x', '99999999999', '1 2', '0x10', '1.5']) {
    assert.deepEqual(parsePidfdInfo(text(wrong)), { state: 'unknown' }, wrong);
  }
  assert.deepEqual(parsePidfdInfo('PPid:\t1\nNSpid:\t7\n'), { state: 'unknown' });
  assert.deepEqual(parsePidfdInfo('Pid:\t1\nPid:\t2\n'), { state: 'unknown' });
  assert.deepEqual(parsePidfdInfo(''), { state: 'unknown' });
});

test('T26: an fdinfo that is not a pidfd, or not there, is unknown', { skip: needs('linux') }, () => {
  assert.deepEqual(pidfdProcess(0), { state: 'unknown' });
  assert.deepEqual(pidfdProcess(1_000_000), { state: 'unknown' });
});

test(
  'T27, V12: exec after connect changes nothing, nor does exec of a setuid-root program',
  asRoot,
  async t => {
    const directory = openDirectory(t);
    const script = `
import shutil
os.set_inheritable(s.fileno(), True)
say('connected')
hear()
os.execv(sys.argv[2], ['sleep', '1000'])`;
    const setup = python(
      t,
      `
import shutil
shutil.copy('/bin/sleep', sys.argv[1])
os.chmod(sys.argv[1], 0o4755)
say('made')`,
      { args: [`${directory}/setuid-sleep`] },
    );
    await setup.line();
    const path = `${directory}/s`;
    const { next } = await openServer(t, path);
    const peer = python(t, connectScript(script), {
      uid: 1001,
      gid: 1001,
      groups: [],
      args: [path, `${directory}/setuid-sleep`],
    });
    await peer.line();
    const socket = await next();
    const pidfd = peerPidfd(descriptorNumber(socket));
    peer.tell('go');
    // The kernel puts the program in place first, and its ids a moment later.
    await until(() => statusOf(peer.child.pid, 'Uid')?.split('\t')[1] === '0');
    assert.match(readlinkSync(`/proc/${peer.child.pid}/exe`), /setuid-sleep$/);
    const found = peerCredentials(socket);
    assert.equal(found.uid, 1001);
    assert.equal(found.pid, peer.child.pid);
    assert.deepEqual(found.groups, [1001]);
    if (pidfd.fd !== undefined) {
      assert.deepEqual(
        pidfdProcess(pidfd.fd),
        { state: 'visible', pid: peer.child.pid },
        'same process, other program',
      );
      closeDescriptor(pidfd.fd);
    }
  },
);

test('T28: root that connects and then drops its ids stays root at connect()', asRoot, async t => {
  const script = `
os.setgroups([])
os.setresgid(1000, 1000, 1000)
os.setresuid(1000, 1000, 1000)
say('dropped')`;
  const { socket, peer } = await acceptFrom(t, { groups: [42], script });
  await peer.line();
  assert.equal(statusOf(peer.child.pid, 'Uid')?.split('\t')[1], '1000');
  const found = peerCredentials(socket);
  assert.equal(found.uid, 0);
  assert.equal(found.gid, 0);
  assert.deepEqual(found.groups, [0, 42]);
});

test(
  'V11: PIDFD_GET_INFO shows the ids of now where SO_PEERCRED shows those of connect()',
  asRoot,
  async t => {
    const script = `
import fcntl
listener = socket.socket(socket.AF_UNIX)
listener.bind('\\0sockcred-v11-' + str(os.getpid()))
listener.listen()
child = os.fork()
if child == 0:
    s = socket.socket(socket.AF_UNIX)
    s.connect('\\0sockcred-v11-' + str(os.getppid()))
    os.setresuid(1000, 1000, 1000)
    s.send(b'x')
    signal.pause()
accepted, _ = listener.accept()
accepted.recv(1)
print(*struct.unpack('iII', accepted.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1:2], end=' ')
try:
    pidfd = struct.unpack('i', accepted.getsockopt(socket.SOL_SOCKET, 77, 4))[0]
    info = bytearray(struct.pack('Q', 7) + bytes(56))
    fcntl.ioctl(pidfd, 0xC040FF0B, info)
    say(struct.unpack_from('I', info, 36)[0])
except OSError as error:
    say('unsupported', error.errno)
os.kill(child, 9)`;
    const line = await python(t, script).line();
    assert.match(line, /^0 (1000|unsupported \d+)$/);
  },
);

test(
  'V13: a grandchild that inherits the connection speaks as the connector, also when that is dead',
  asRoot,
  async t => {
    const script = `
if os.fork() == 0:
    os.setresuid(2002, 2002, 2002)
    s.send(b'from the grandchild')
    hear()
    os._exit(0)
os._exit(0)`;
    const { socket, peer } = await acceptFrom(t, { uid: 0, gid: 0, groups: [], script });
    assert.equal(await peer.exited, 0);
    const data = await new Promise<Buffer>(done => socket.once('data', done).resume());
    assert.equal(data.toString(), 'from the grandchild');
    const found = peerCredentials(socket);
    assert.equal(found.pid, peer.child.pid);
    assert.equal(found.uid, 0);
  },
);

test('a zombie that connected is named like anybody else', asAnyone, async (t: TestContext) => {
  const path = `${openDirectory(t)}/s`;
  const { next } = await openServer(t, path);
  const script = `
child = os.fork()
if child == 0:
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    os._exit(0)
say(child)
hear()`;
  const peer = python(t, script, { args: [path] });
  const zombie = Number(await peer.line());
  await until(() => statusOf(zombie, 'State')?.startsWith('Z') === true);
  assert.equal(peerCredentials(await next()).pid, zombie);
});

test('T26: after dropping privileges, fdinfo tells the same as before or nothing', inNode, () => {
  const script = `
    import { pidfdProcess } from '${new URL('../dist/sys/pidfd-info.js', import.meta.url)}';
    const fd = Number(process.argv[1]);
    const before = pidfdProcess(fd);
    process.setgroups([]); process.setgid(1234); process.setuid(1234);
    console.log(JSON.stringify([before, pidfdProcess(fd), process.pid]));`;
  const launch = `
import os, sys
fd = os.pidfd_open(os.getpid())
os.set_inheritable(fd, True)
os.execv(sys.argv[1], ['node', '--input-type=module', '-e', sys.argv[2], str(fd)])`;
  const run = spawnSync(programPath('python3'), ['-c', launch, process.execPath, script], {
    encoding: 'utf8',
  });
  const [before, after, pid] = JSON.parse(run.stdout) as [object, { state: string }, number];
  assert.deepEqual(before, { state: 'visible', pid });
  // Linux 6.18 lets a process read its own fdinfo whoever it has become; older kernels do not.
  if (after.state !== 'unknown') assert.deepEqual(after, { state: 'visible', pid });
});
