/** The namespaces of a guard: the example of docs/guard.md, run as it stands there, and what --run-as gives up. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { python } from '../../sockcred/build/support/peers.js';
import { needs } from '../../sockcred/build/support/requirements.js';
import { run } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { paths } from './support/guards.js';
import { allow, written } from './support/policies.js';

const page = readFileSync(fileURLToPath(new URL('../../../docs/guard.md', import.meta.url)), 'utf8');
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** A /run of its own, with a server in it, a guard in front of that, and clients. */
const AS_WRITTEN = `
import subprocess
subprocess.check_call(['mount', '--make-rprivate', '/'])
subprocess.check_call(['mount', '-t', 'tmpfs', 'tmpfs', '/run'])
os.mkdir('/run/app', 0o755)
behind = socket.socket(socket.AF_UNIX)
behind.bind('/run/app/real.sock')
os.chmod('/run/app/real.sock', 0o666)
behind.listen()
def serve():
    while True:
        connection = behind.accept()[0]
        uid = struct.unpack('3i', connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
        connection.sendall(b'uid %d' % uid)
        connection.close()
threading.Thread(target=serve, daemon=True).start()
guard = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
guard.stdout.readline()
def client(uid, groups, namespace):
    child = os.fork()
    if child == 0:
        # CLONE_NEWNS: what every container has for itself.
        if namespace and ctypes.CDLL(None).unshare(0x20000) != 0: os._exit(9)
        os.setgroups(groups); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30)
        s.connect('/run/app.sock')
        try: got = s.recv(99).decode()
        except ConnectionResetError: got = ''
        say(got or 'out')
        os._exit(0)
    os.waitpid(child, 0)
client(4242, [4], False)
client(0, [], False)
client(4242, [5], False)
client(0, [], True)
guard.terminate()
sys.exit(guard.wait())
`;

test('T71: the example with --same-namespaces lets in whom it names, and no root of a container', {
  skip: needs('linux', 'root', 'python3', 'unshare', 'namespaces'),
}, async t => {
  const [, words = ''] = /^\$ sockcred (guard .* --same-namespaces .*)$/m.exec(page) ?? [];
  const args = [process.execPath, main, ...words.split(' ')];
  const peer = python(t, AS_WRITTEN, { args, before: ['unshare', '--mount'] });
  const told = [await peer.line(), await peer.line(), await peer.line(), await peer.line()];
  assert.deepEqual(told, ['uid 4242', 'uid 0', 'out', 'out']);
  assert.equal(await peer.exited, 0);
});

test('a guard that gives up root does not begin if it could let nobody in', {
  skip: needs('linux', 'root'),
}, async t => {
  const { front, behind } = paths(ownDirectory(t));
  const started = (...who: readonly string[]) =>
    run(t, ['guard', '--listen', front, ...who, '--run-as', '65534:65534', '--to', `unix:${behind}`]);
  const refused = await started('--allow-group', '4', '--everyone', '--same-namespaces');
  assert.equal(refused.status, 3);
  assert.match(refused.stderr, /--run-as: nobody would be let in: every allow rule wants namespaces/);
  const nested = allow(
    'any = [{ user = 5, sameNamespaces = true }, { all = [{ sameNamespaces = ["net"] }] }]',
  );
  const ofFile = await started('--policy', written(t, nested));
  assert.match(ofFile.stderr, /nobody would be let in/);
});
