/** Whom `sockcred ls` names: never a process that only has the number of the one that was seen. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { python, start } from '../../sockcred/build/support/peers.js';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { lacksList } from '../../sockcred/build/support/socket-list.js';
import { MAIN, run } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { LISTEN, linesOf } from './support/listed.js';
import type { Stale } from './support/stale-holder.js';

const asRoot = { skip: needs('linux', 'root', 'namespaces', 'python3') || lacksList() };
const inPidNamespace = [programPath('unshare'), '--pid', '--fork', '--kill-child'];

test('T24: a number that has passed to another process tells nothing of that one', asRoot, async t => {
  const program = fileURLToPath(new URL('support/stale-holder.js', import.meta.url));
  const name = `sockcred-stale-${process.pid}`;
  const child = start(t, [...inPidNamespace, '--mount-proc', process.execPath, program, name]);
  let said = '';
  child.stdout?.on('data', data => {
    said += data;
  });
  await once(child, 'close');
  const { before, after, pid, imposter } = JSON.parse(said) as Stale;
  assert.match(before[0]?.unknown === undefined ? (before[0]?.program ?? '') : '', /python3/);
  assert.match(imposter, /sleep/, 'somebody else has the number');
  assert.deepEqual(
    after.map(who => [who.pid, who.unknown === undefined]),
    [[pid, false]],
  );
  assert.ok(!JSON.stringify(after).includes('sleep'));
});

test('T24: the number passes on between the look at procfs and the pidfd', {
  skip: asRoot.skip || needs('strace'),
}, async t => {
  const name = `sockcred-delayed-${process.pid}`;
  // The pidfd is delayed until the listener has ended and its number is somebody else's.
  const script = `
import ctypes, os, subprocess, sys
name, node, main = sys.argv[1:]
listen = '''
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind('\\\\0' + sys.argv[1])
s.listen()
print('listening', flush=True)
sys.stdin.read()
'''
listener = subprocess.Popen([sys.executable, '-c', listen, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
listener.stdout.readline()
r, w = os.pipe()
ls = subprocess.Popen(['${programPath('strace')}', '-f', '-qq', '-e', 'trace=pidfd_open', '-e',
    'inject=pidfd_open:delay_enter=3s', '-o', '/proc/self/fd/%d' % w, node, main, 'ls', '--json', '--name', name],
    stdout=subprocess.PIPE, pass_fds=[w])
os.close(w)
os.read(r, 1)
listener.kill()
listener.wait()
imposter = None
for _ in range(100):
    with open('/proc/sys/kernel/ns_last_pid', 'w') as f:
        f.write(str(listener.pid - 1))
    imposter = subprocess.Popen(['/bin/sleep', '60'])
    if imposter.pid == listener.pid:
        break
    imposter.kill()
    imposter.wait()
print(imposter.pid == listener.pid, flush=True)
print(ls.stdout.read().decode(), flush=True)
imposter.kill()
`;
  const peer = python(t, script, {
    before: [...inPidNamespace, '--mount-proc'],
    args: [name, process.execPath, MAIN],
  });
  assert.equal(await peer.line(), 'True', 'somebody else has the number');
  const [listening] = linesOf(await peer.line());
  assert.equal(listening?.name, `@${name}`);
  assert.equal(typeof listening?.holders[0]?.unknown, 'string');
  assert.equal(listening?.holders[0]?.program, undefined);
});

test('T69: numbers of another pid namespace’s procfs tell nothing of who has them here', asRoot, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const server = python(t, LISTEN, { args: [path] });
  await server.line();
  const number = server.child.pid ?? 0;
  // The parent's /proc stays; in the new namespace a sleep(1) has the number that the server has outside.
  const script = `
    echo ${number - 1} > /proc/sys/kernel/ns_last_pid
    sleep 60 &
    test "$!" = ${number} || { echo "got $!" >&2; exit 77; }
    "$@"`;
  const before = [...inPidNamespace, '/bin/sh', '-c', script, 'sh'];
  const { status, stdout, stderr } = await run(t, ['ls', '--json', '--name', path], { before });
  assert.equal(status, 0, stderr);
  const [listening] = linesOf(stdout);
  assert.deepEqual(
    listening?.holders.map(({ pid, uid, program }) => [pid, uid, program]),
    [[number, undefined, undefined]],
  );
  assert.match(listening?.holders[0]?.unknown ?? '', /its number means another process here/);
  assert.match(stderr, /of 1 holder it cannot be told which process it is/);
  const shown = (await run(t, ['ls', '--name', path], { before })).stdout;
  assert.match(shown, /^listening +stream +\? +\? +\? +\? +\//m);
});
