/** A held process stays the one that connected, whatever becomes of it; what it is now is told apart. */

import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { type PeerError, peerCredentials } from 'sockcred';
import { type DriftKind, type PeerProcess, peerProcess, runningProcess } from 'sockcred/process';
import { pinFrom } from '../dist/process/pin.js';
import { outcomeOf } from '../dist/sys/outcome.js';
import { peerPidfd } from '../dist/sys/peer-pidfd.js';
import { makeCgroup, move } from './support/cgroups.js';
import { openDirectory } from './support/directories.js';
import { openDescriptors } from './support/open-descriptors.js';
import { acceptFrom, connectScript, descriptorNumber, openServer, python } from './support/peers.js';
import { needs } from './support/requirements.js';
import { statusOf, until } from './support/waiting.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };
const asAnyone = { skip: needs('linux', 'python3') };

function hold(t: TestContext, source: Parameters<typeof peerProcess>[0]): PeerProcess {
  const held = peerProcess(source);
  t.after(() => held.close());
  return held;
}

const kinds = (held: PeerProcess): readonly DriftKind[] => held.drift().map(({ what }) => what);

/** By its code alone: some tests go below the bundle, where the classes are other ones. */
const coded = (code: string) => (error: unknown) => (error as PeerError).code === code;

test('the process behind a connection is described as it is', asRoot, async t => {
  const { socket, peer } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [27] });
  const held = hold(t, socket);
  const { pid } = peer.child;
  assert.equal(held.pid, pid);
  assert.equal(held.alive, true);
  const { executable, commandLine, namespaces, confinement, startedAfterBoot } = held.describe();
  assert.ok(executable.known && commandLine.known && namespaces.known && confinement.known);
  assert.equal(executable.value.path, readlinkSync(`/proc/${pid}/exe`));
  assert.equal(executable.value.deleted, false);
  assert.equal(commandLine.value[0], '/usr/bin/python3');
  assert.equal(commandLine.authority, 'self');
  assert.equal(readlinkSync('/proc/self/ns/mnt'), `mnt:[${namespaces.value.mnt}]`);
  assert.deepEqual(confinement.value, { seccomp: 'none', noNewPrivileges: false });
  const ticks = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19]);
  assert.ok(startedAfterBoot.known);
  assert.equal(startedAfterBoot.value, ticks * 10);
  const { ids, groups, parent, capabilities } = held.now();
  assert.ok(ids.known && groups.known && capabilities.known);
  assert.deepEqual([ids.value.effectiveUid, ids.value.realGid], [1234, 4321]);
  assert.deepEqual(groups.value, [27, 4321]);
  assert.equal(capabilities.value.effective, 0n);
  if (parent.known) assert.equal(parent.value, process.pid);
  assert.deepEqual(kinds(held), []);
});

test('T30, V14: a zombie is not alive, and is still the peer', asAnyone, async t => {
  const path = `${openDirectory(t)}/s`;
  const { next } = await openServer(t, path);
  const script = `
child = os.fork()
if child == 0:
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    os._exit(3)
say(child)
hear()
os.waitpid(child, 0)
say('reaped')
hear()`;
  const peer = python(t, script, { args: [path] });
  const zombie = Number(await peer.line());
  await until(() => statusOf(zombie, 'State')?.startsWith('Z') === true);
  const held = hold(t, await next());
  assert.equal(held.pid, zombie);
  assert.equal(held.alive, false);
  assert.equal(held.now().alive, false);
  assert.ok(kinds(held).includes('exited'));
  assert.throws(() => held.read(files => files.text('status')), coded('ERR_PEER_GONE'));
  peer.tell('go');
  await peer.line();
  const { exitStatus } = held;
  if (exitStatus.known) assert.deepEqual(exitStatus.value, { code: 3 });
  else assert.equal(exitStatus.reason, 'unsupported', 'before Linux 6.15');
});

test(
  'T25: a peer that was dead and gone before accept is held as ended, or said to be gone',
  asAnyone,
  async t => {
    const path = `${openDirectory(t)}/s`;
    const { next } = await openServer(t, path);
    const peer = python(t, connectScript().replace('hear()', 'sys.exit(7)'), { args: [path] });
    assert.equal(await peer.exited, 7);
    await until(() => statusOf(peer.child.pid, 'State') === undefined);
    const socket = await next();
    let held: PeerProcess;
    try {
      held = hold(t, socket);
    } catch (error) {
      assert.ok(coded('ERR_PEER_GONE')(error), String(error));
      return;
    }
    assert.equal(held.alive, false);
    assert.throws(() => held.describe(), coded('ERR_PEER_GONE'));
    const { exitStatus } = held;
    assert.ok(exitStatus.known);
    assert.deepEqual(exitStatus.value, { code: 7 });
  },
);

test('T27, V12: exec after connect is drift, of a setuid program twice', asRoot, async t => {
  const directory = openDirectory(t);
  const copy = `
import shutil
shutil.copy('/bin/sleep', sys.argv[1])
os.chmod(sys.argv[1], 0o4755)`;
  assert.equal(await python(t, copy, { args: [`${directory}/setuid-sleep`] }).exited, 0);
  const path = `${directory}/s`;
  const { next } = await openServer(t, path);
  const script = `
os.set_inheritable(s.fileno(), True)
hear()
os.execv(sys.argv[2], ['sleep', '1000'])`;
  const identity = { uid: 1001, gid: 1001, groups: [] };
  const peer = python(t, connectScript(script), { ...identity, args: [path, `${directory}/setuid-sleep`] });
  const held = hold(t, await next());
  const { id } = held;
  assert.deepEqual(held.drift(), []);
  peer.tell('go');
  await until(() => readlinkSync(`/proc/${peer.child.pid}/exe`).endsWith('setuid-sleep'));
  const drift = held.drift();
  assert.ok(kinds(held).includes('executable'), JSON.stringify(drift));
  const uid = drift.find(({ what }) => what === 'uid');
  assert.deepEqual(uid, { what: 'uid', since: 'recorded', detail: 'effective uid 1001 is now 0' });
  assert.equal(held.credentials.uid, 1001);
  assert.equal(held.id, id, 'one process, two programs');
});

/** Says what it hears, and after 'exec' runs its own file again. */
const AGAIN = `
os.set_inheritable(s.fileno(), True)
while (word := hear()) != 'exec':
    PR_SET_MM, PR_SET_MM_START_STACK = 35, 5
    mark = ctypes.create_string_buffer(16)
    ctypes.CDLL(None).prctl(PR_SET_MM, PR_SET_MM_START_STACK, ctypes.c_ulong(ctypes.addressof(mark)), 0, 0)
    if os.fork() == 0: os._exit(0)
    os.wait()
    say(word)
again = "import signal; print('again', flush=True); signal.pause()"
os.execv('/proc/self/exe', ['python3', '-c', again])`;

/** Field 26 of proc(5), where the program is in memory. */
const START_CODE = 23;
const startCode = (pid: number | undefined) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[START_CODE];

for (const [where, before] of [
  ['', []],
  [', also where each program is at the same address', ['setarch', '-R']],
] as const) {
  const skip = needs('linux', 'python3') || (before.length > 0 && needs('setarch'));
  test(`T27, V12: exec of the same file after connect is drift${where}`, { skip }, async t => {
    const { socket, peer } = await acceptFrom(t, { script: AGAIN, before });
    const held = hold(t, socket);
    const { pid } = peer.child;
    const [{ executable }, address] = [held.describe(), startCode(pid)];
    assert.ok(executable.known);
    peer.tell('other marks, a child of its own');
    assert.equal(await peer.line(), 'other marks, a child of its own');
    assert.deepEqual(held.drift(), [], 'nothing of that is exec');
    peer.tell('exec');
    assert.equal(await peer.line(), 'again');
    if (before.length > 0) assert.equal(startCode(pid), address);
    const expected = {
      what: 'executable',
      since: 'held',
      detail: `the program ${executable.value.path} was executed again`,
    };
    assert.deepEqual(held.drift(), [expected]);
    assert.deepEqual(held.drift(), [expected], 'as often as it is asked');
    assert.deepEqual(hold(t, socket).drift(), [], 'held after it: not seen');
    process.kill(pid ?? 0, 'SIGKILL');
    await until(() => !held.alive);
    assert.deepEqual(kinds(held), ['exited']);
  });
}

test('T28: root that drops its ids is root at connect and a user now', asRoot, async t => {
  const script = `
hear()
os.setgroups([])
os.setresgid(1000, 1000, 1000)
os.setresuid(1000, 1000, 1000)
say('dropped')`;
  const { socket, peer } = await acceptFrom(t, { uid: 0, gid: 0, groups: [42], script });
  const held = hold(t, socket);
  peer.tell('go');
  await peer.line();
  assert.equal(held.credentials.uid, 0);
  const { ids, groups } = held.now();
  assert.ok(ids.known && groups.known);
  assert.equal(ids.value.effectiveUid, 1000);
  assert.deepEqual(groups.value, [1000]);
  assert.deepEqual(kinds(held), ['uid', 'gid', 'groups', 'capabilities']);
});

test('T29, V13: a grandchild that holds the connection is not the process behind it', asRoot, async t => {
  const script = `
if os.fork() == 0:
    s.send(b'x')
    hear()
    os._exit(0)
os._exit(0)`;
  const { socket, peer } = await acceptFrom(t, { uid: 1000, gid: 1000, groups: [], script });
  await peer.exited;
  await new Promise(done => socket.once('data', done).resume());
  await until(() => statusOf(peer.child.pid, 'State') === undefined);
  let held: PeerProcess;
  try {
    held = hold(t, socket);
  } catch (error) {
    assert.ok(coded('ERR_PEER_GONE')(error));
    return;
  }
  assert.equal(held.pid, peer.child.pid);
  assert.equal(held.alive, false);
  assert.throws(() => held.read(files => files.link('exe')), coded('ERR_PEER_GONE'));
});

test(
  'T72: a program with file capabilities, after connect, is drift though no id changed',
  asRoot,
  async t => {
    const directory = openDirectory(t);
    const copy = `
import shutil
shutil.copy('/bin/sleep', sys.argv[1])
bind_service = 1 << 10
os.setxattr(sys.argv[1], 'security.capability', struct.pack('<IIIII', 0x02000001, bind_service, 0, 0, 0))`;
    if ((await python(t, copy, { args: [`${directory}/sleep`] }).exited) !== 0) {
      t.skip('needs a temporary directory with file capabilities');
      return;
    }
    const script = `
os.set_inheritable(s.fileno(), True)
hear()
os.execv(sys.argv[2], ['sleep', '1000'])`;
    const identity = { uid: 1001, gid: 1001, groups: [] };
    const path = `${directory}/s`;
    const { next } = await openServer(t, path);
    const peer = python(t, connectScript(script), { ...identity, args: [path, `${directory}/sleep`] });
    const socket = await next();
    const held = hold(t, socket);
    assert.deepEqual(held.drift(), []);
    peer.tell('go');
    await until(() => readlinkSync(`/proc/${peer.child.pid}/exe`).endsWith('/sleep'));
    await until(() => statusOf(peer.child.pid, 'CapEff')?.endsWith('400') === true);
    const drift = held.drift();
    assert.deepEqual(
      drift.find(({ what }) => what === 'capabilities'),
      { what: 'capabilities', since: 'held', detail: 'capabilities gained: 0x400' },
    );
    assert.ok(!drift.some(({ what }) => what === 'uid'));
    const late = hold(t, socket).drift();
    assert.deepEqual(
      late.map(({ what, since }) => [what, since]),
      [['capabilities', undefined]],
      'held after the exec: since when is not known, and it is told',
    );
  },
);

test(
  'T32: a process that dies between two reads of it gives an error, never half an answer',
  asAnyone,
  async t => {
    const { socket, peer } = await acceptFrom(t);
    const held = hold(t, socket);
    const { pid = 0 } = peer.child;
    const whole = () =>
      held.read(files => {
        const first = files.text('status');
        process.kill(pid, 'SIGKILL');
        while (!/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) {}
        return [first, files.text('cmdline')];
      });
    assert.throws(whole, coded('ERR_PEER_RACED'));
    assert.throws(() => held.read(() => 1), coded('ERR_PEER_GONE'));
  },
);

test('T27: a read during which the process becomes another program is done again', asAnyone, async t => {
  const script = `
signal.signal(signal.SIGUSR1, lambda *_: os.execv('/bin/sleep', ['sleep', '1000']))
say('ready')`;
  const { socket, peer } = await acceptFrom(t, { script });
  await peer.line();
  const held = hold(t, socket);
  const { pid } = peer.child;
  let runs = 0;
  const name = held.read(files => {
    const seen = files.text('comm').trim();
    if (runs++ === 0) {
      process.kill(pid ?? 0, 'SIGUSR1');
      // The kernel changes the name after the file.
      while (readFileSync(`/proc/${pid}/comm`, 'utf8') !== 'sleep\n') {}
    }
    return seen;
  });
  assert.equal(name, 'sleep');
  assert.equal(runs, 2);
});

test('T24: the ladder down is taken only from a kernel without the question, and said', asAnyone, async t => {
  const { socket, peer } = await acceptFrom(t);
  const credentials = peerCredentials(socket);
  const unsupported = pinFrom({ outcome: outcomeOf(0x10002) }, credentials);
  t.after(() => unsupported.close());
  assert.equal(unsupported.binding, 'pid-only');
  assert.match(unsupported.lowered ?? '', /by its number/);
  assert.equal(unsupported.number(), peer.child.pid);
  assert.throws(
    () => pinFrom({ outcome: { kind: 'gone', errno: 'ESRCH' } }, credentials),
    coded('ERR_PEER_GONE'),
  );
  assert.throws(() => pinFrom({ outcome: { kind: 'no-data' } }, credentials), coded('ERR_PEER_PROCESS'));
  assert.throws(
    () => pinFrom({ outcome: { kind: 'refused', errno: 'EPERM' } }, credentials),
    coded('ERR_PEER_PROCESS'),
  );
  const { pid: _pid, ...without } = credentials;
  assert.throws(
    () => pinFrom({ outcome: outcomeOf(0x10002) }, without as typeof credentials),
    coded('ERR_PEER_PROCESS'),
  );
});

test('T24: a number that a group or a thread has, and no process, is nobody’s', asAnyone, async t => {
  const script = `
if os.fork() == 0:
    def stay():
        say(threading.get_native_id())
        threading.Event().wait()
    threading.Thread(target=stay).start()
else: os._exit(0)`;
  const peer = python(t, script);
  const thread = Number(await peer.line());
  await peer.exited;
  const { pid = 0 } = peer.child;
  await until(() => statusOf(pid, 'State') === undefined);
  process.kill(-pid, 0);
  for (const number of [pid, thread]) {
    assert.throws(() => runningProcess(number), coded('ERR_PEER_GONE'), `${number}`);
  }
});

test('T66: what was held is let go, once, and nothing stays open', asAnyone, async t => {
  const { socket } = await acceptFrom(t);
  peerProcess(socket).close();
  const before = openDescriptors();
  for (let round = 0; round < 100; round++) {
    const held = peerProcess(socket);
    held.describe();
    held.close();
    held.close();
    assert.throws(() => held.alive, coded('ERR_PEER_CLOSED'));
    assert.throws(() => held.describe(), coded('ERR_PEER_CLOSED'));
  }
  assert.equal(openDescriptors(), before);
  const given = peerPidfd(descriptorNumber(socket));
  if (given.fd !== undefined) {
    const first = hold(t, socket);
    assert.equal(first.id, hold(t, socket).id, 'one process, one name');
    pinFrom(given, peerCredentials(socket)).close();
  }
});

test('T28: a read during which the process changes its ids is done again', asRoot, async t => {
  const script = `signal.signal(signal.SIGUSR1, lambda *_: os.setresuid(1234, 1234, 1234))\nsay('ready')`;
  const { socket, peer } = await acceptFrom(t, { script });
  assert.equal(await peer.line(), 'ready');
  const held = peerProcess(socket);
  t.after(() => held.close());
  if (!held.now().ids.known || held.now().cgroup.known === false) {
    t.skip('needs PIDFD_GET_INFO: Linux 6.13');
    return;
  }
  const uid = (text: string) => /^Uid:\t(\d+)/m.exec(text)?.[1];
  let rounds = 0;
  const seen = held.read(files => {
    rounds++;
    const first = uid(files.text('status'));
    if (rounds === 1) {
      process.kill(held.pid ?? Number.NaN, 'SIGUSR1');
      // Ends with the test's time at the latest.
      while (uid(files.text('status')) === first);
    }
    return first;
  });
  assert.deepEqual([seen, rounds], ['1234', 2]);
});

test('a read during which the process is moved to another cgroup is done again', {
  skip: asRoot.skip || needs('cgroups'),
}, async t => {
  const [before, after] = [makeCgroup(t, 'a.service'), makeCgroup(t, 'b.service')];
  const { socket, peer } = await acceptFrom(t);
  move(peer.child.pid, before);
  const held = peerProcess(socket);
  t.after(() => held.close());
  if (!held.now().cgroup.known) {
    t.skip('needs PIDFD_GET_INFO: Linux 6.13');
    return;
  }
  let rounds = 0;
  const seen = held.read(files => {
    rounds++;
    const text = files.text('cgroup');
    if (rounds === 1) move(peer.child.pid, after);
    return text;
  });
  assert.match(seen, /\/b\.service$/m);
  assert.equal(rounds, 2);
});
