/** Users with subordinate ids, and deny rules: what docs/policy.md says of them, against the kernel. */

import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { ownDirectory } from './support/directories.js';
import { guard, paths, server, tellAndEcho } from './support/guards.js';
import { allow, written } from './support/policies.js';

const skip = needs('linux', 'root', 'python3', 'namespaces');

/** Says whether it was let in. */
const ASK = `
import os, socket, sys
os.setresuid(os.geteuid(), os.geteuid(), os.geteuid())
s = socket.socket(socket.AF_UNIX)
s.settimeout(30)
s.connect(sys.argv[1])
try:
    s.sendall(b'x')
    got = s.recv(9)
except (BrokenPipeError, ConnectionResetError):
    got = b''
print('in' if got else 'out', flush=True)
`;

/**
 * A user with subordinate ids connects. newuidmap(1) and newgidmap(1) write the maps of a namespace for users who have such
 * ids; here root does it in their place.
 */
const DISGUISED = `
way, ask, path, program = sys.argv[1:]
def forked(then):
    child = os.fork()
    if child == 0:
        os.setgroups([3001, 27]); os.setresgid(3001, 3001, 3001); os.setresuid(3001, 3001, 3001)
        then()
        os._exit(9)
    return child
def wait(child):
    if os.waitpid(child, 0)[1] != 0: sys.exit(9)
def in_namespace(then):
    ready, go = os.pipe(), os.pipe()
    def unshared():
        if ctypes.CDLL(None).unshare(0x10000000) != 0: os._exit(8)
        os.write(ready[1], b'x'); os.read(go[0], 1)
        then()
    child = forked(unshared)
    os.read(ready[0], 1)
    for kind in ('uid', 'gid'):
        with open('/proc/%d/%s_map' % (child, kind), 'w') as ids: ids.write('0 3001 1\\n1 500000 65536\\n')
    os.write(go[1], b'x')
    wait(child)
def connect(python = sys.executable):
    os.execv(python, [python, '-I', '-c', ask, path])
def without_groups():
    os.setgroups([]); connect()
def another_id():
    os.setgroups([]); os.setresgid(5, 5, 5); os.setresuid(5, 5, 5)
def as_another():
    another_id(); connect()
def leave_program():
    import shutil
    another_id(); shutil.copyfile(os.path.realpath(sys.executable), program); os.chmod(program, 0o4755); os._exit(0)
if way == 'itself': wait(forked(connect))
if way == 'without groups': in_namespace(without_groups)
if way == 'subordinate': in_namespace(as_another)
if way == 'set-user-ID':
    in_namespace(leave_program)
    wait(forked(lambda: connect(program)))
`;

async function letIn(t: TestContext, policy: string): Promise<readonly string[]> {
  const directory = ownDirectory(t);
  chmodSync(directory, 0o777);
  const { front, behind } = paths(ownDirectory(t));
  await server(t, behind, tellAndEcho);
  await guard(t, [
    ...['--listen', front, '--mode', '0666', '--policy', written(t, policy)],
    ...['--to', `unix:${behind}`, '--upstream-sees-guard'],
  ]);
  const found: string[] = [];
  for (const way of ['itself', 'without groups', 'subordinate', 'set-user-ID']) {
    const peer = python(t, DISGUISED, { args: [way, ASK, front, join(directory, 'program')] });
    if ((await peer.line()) === 'in') found.push(way);
    assert.equal(await peer.exited, 0);
  }
  return found;
}

const everyone = allow('everyone = true');
const deny = (condition: string) => `[[rules]]\neffect = "deny"\n${condition}\n`;

test('a user with subordinate ids gets around a deny rule, as the note at load says', { skip }, async t => {
  const disguises = ['without groups', 'subordinate'];
  assert.deepEqual(await letIn(t, everyone + deny('group = 27')), disguises);
  assert.deepEqual(await letIn(t, everyone + deny('user = 3001')), ['subordinate', 'set-user-ID']);
  assert.deepEqual(await letIn(t, allow('group = 27')), ['itself', 'set-user-ID'], 'no way into a group');
});

test('to deny other user namespaces keeps in the denied groups, and not the denied user', {
  skip,
}, async t => {
  const same = deny('not = { sameNamespaces = ["user"] }');
  assert.deepEqual(
    await letIn(t, everyone + same),
    ['itself', 'set-user-ID'],
    'whom only the namespace denies',
  );
  assert.deepEqual(await letIn(t, everyone + same + deny('group = 27')), []);
  assert.deepEqual(await letIn(t, everyone + same + deny('user = 3001')), ['set-user-ID']);
});
