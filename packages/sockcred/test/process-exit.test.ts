/** The end of a held process is told once, by its pidfd: of each process its own, and of none that was let go. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ExitStatus, type Fact, type HeldProcess, peerProcess, runningProcess } from 'sockcred/process';
import { openDescriptors } from './support/open-descriptors.js';
import { acceptFrom, python } from './support/peers.js';
import { needs } from './support/requirements.js';

const asAnyone = { skip: needs('linux', 'python3') };

/** A test needs the exit codes that Linux 6.15 tells; before, that it does not tell is all that is asked. */
function assertExit(told: Fact<ExitStatus>, expected: ExitStatus): void {
  if (told.known) assert.deepEqual(told.value, expected);
  else assert.equal(told.reason, 'unsupported', 'before Linux 6.15');
}

function hold(t: TestContext, pid: number): HeldProcess {
  const held = runningProcess(pid);
  t.after(() => held.close());
  return held;
}

/** What a program of its own prints that waits for a process. */
function waiter(...args: readonly string[]): readonly string[] {
  const program = fileURLToPath(new URL('support/exit-waiter.js', import.meta.url));
  const options = { encoding: 'utf8', timeout: 30_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], options);
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter(line => line !== '');
}

test('the end of a peer is told, with its status once it was waited for', asAnyone, async t => {
  const { socket, peer } = await acceptFrom(t, { script: 'hear()\nos._exit(7)' });
  const held = peerProcess(socket);
  t.after(() => held.close());
  const { exited } = held;
  assert.equal(held.exited, exited, 'one promise');
  held.ref();
  peer.tell('go');
  assertExit(await exited, { code: 7 });
  assert.equal(held.alive, false);
  assertExit(await held.exited, { code: 7 });
});

test('a signal is told as such, also where the process had ended before it was asked', asAnyone, async t => {
  const { socket, peer } = await acceptFrom(t);
  const held = peerProcess(socket);
  t.after(() => held.close());
  peer.child.kill('SIGKILL');
  await peer.exited;
  held.ref();
  assertExit(await held.exited, { signal: 9 });
});

test('T30: the end of a process that nobody waits for is told too, without its status', asAnyone, async t => {
  const script = `
child = os.fork()
if child == 0:
    hear()
    os._exit(3)
say(child)
signal.pause()`;
  const peer = python(t, script);
  const held = hold(t, Number(await peer.line()));
  held.ref();
  peer.tell('go');
  const told = await held.exited;
  assert.ok(!told.known);
  assert.ok(['not-provided', 'unsupported'].includes(told.reason), told.reason);
  assert.equal(held.alive, false);
});

test(
  'a thousand processes are waited for by no thread of theirs, and each has its own end',
  asAnyone,
  async t => {
    // Whoever ignores SIGCHLD has waited for every child at once: wait(2).
    const script = `
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
r, w = os.pipe()
pids = []
for number in range(1000):
    pid = os.fork()
    if pid == 0:
        os.close(w)
        os.read(r, 1)
        os._exit(number % 256)
    pids.append(pid)
say(*pids)
hear()
os.close(w)
hear()`;
    const peer = python(t, script);
    const pids = (await peer.line()).split(' ').map(Number);
    const first = hold(t, pids[0] ?? 0);
    first.ref();
    const threads = () => /^Threads:\s*(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    const one = first.exited;
    const before = threads();
    const rest = pids.slice(1).map(pid => hold(t, pid));
    const all = [one, ...rest.map(({ exited }) => exited)];
    assert.equal(threads(), before);
    peer.tell('go');
    const told = await Promise.all(all);
    for (const [number, status] of told.entries()) assertExit(status, { code: number % 256 });
  },
);

test('T66, T67: of a process that was let go nothing is told, and nothing stays open', asAnyone, async t => {
  const peer = python(t, 'say(os.getpid())\nhear()\nos._exit(5)');
  const pid = Number(await peer.line());
  const other = hold(t, pid);
  other.ref();
  const end = other.exited;
  const before = openDescriptors();
  const held = runningProcess(pid);
  let settled = false;
  held.exited.finally(() => {
    settled = true;
  });
  held.ref();
  held.close();
  assert.equal(openDescriptors(), before);
  peer.tell('go');
  assertExit(await end, { code: 5 });
  await new Promise(setImmediate);
  assert.equal(settled, false);
  assert.throws(() => held.exited, { code: 'ERR_PEER_CLOSED' });
  assert.throws(() => held.ref(), { code: 'ERR_PEER_CLOSED' });
  held.unref();
  other.close();
  assertExit(await end, { code: 5 });
});

test('waiting keeps a program running if it is told to, and only until the end', asAnyone, async t => {
  assert.deepEqual(waiter(`${process.pid}`), ['waiting']);
  const peer = python(t, 'say(os.getpid())\ntime.sleep(1)\nos._exit(4)');
  const [first, last = ''] = waiter(await peer.line(), 'hold');
  assert.equal(first, 'waiting');
  // Its parent, which is this process, waits for the program and meanwhile for nobody else.
  assert.ok(['not-provided', 'unsupported'].includes(last), last);
});
