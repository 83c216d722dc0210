/** The accepting side: who connected, as captured in connect(2), whoever it is. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inGroup, isUser, peerCredentials } from 'sockcred';
import { openDirectory } from './support/directories.js';
import { askerElsewhere } from './support/elsewhere.js';
import { acceptFrom, connectScript, openServer, python, runAs } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };
const asAnyone = { skip: needs('linux', 'python3') };

test('a connector of another user, group and groups is named', asRoot, async t => {
  const { socket, peer } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [27, 100] });
  const found = peerCredentials(socket);
  assert.equal(found.uid, 1234);
  assert.equal(found.gid, 4321);
  assert.equal(found.pid, peer.child.pid);
  assert.deepEqual(found.groups, [27, 100, 4321]);
  assert.equal(found.role, 'connector');
  const fact = { known: true, about: 'connector', captured: 'connect' };
  assert.deepEqual(found.evidence.uid, { ...fact, source: 'SO_PEERCRED' });
  assert.deepEqual(found.evidence.gid, { ...fact, source: 'SO_PEERCRED' });
  assert.deepEqual(found.evidence.pid, { ...fact, source: 'SO_PEERCRED' });
  assert.deepEqual(found.evidence.groups, { ...fact, source: 'SO_PEERGROUPS' });
  assert.deepEqual(found.evidence.role, { known: true, source: 'socket names', captured: 'now' });
});

test('a connector of our own user is named without any privilege', asAnyone, async t => {
  const { socket, peer } = await acceptFrom(t);
  const found = peerCredentials(socket);
  assert.equal(found.uid, process.geteuid?.());
  assert.equal(found.gid, process.getegid?.());
  assert.equal(found.pid, peer.child.pid);
  const ours = new Set([...(process.getgroups?.() ?? []), process.getegid?.() ?? -1]);
  assert.deepEqual(
    found.groups,
    [...ours].sort((a, b) => a - b),
  );
});

test('a value is frozen plain data that survives being copied', asAnyone, async t => {
  const { socket } = await acceptFrom(t);
  const found = peerCredentials(socket);
  assert.ok(Object.isFrozen(found) && Object.isFrozen(found.groups) && Object.isFrozen(found.evidence));
  assert.ok(Object.isFrozen(found.evidence.uid));
  assert.deepEqual(structuredClone(found), found);
  assert.deepEqual({ ...found }, found);
  for (const value of Object.values(found)) assert.notEqual(value, undefined, 'absent, not undefined');
});

for (const id of [2147483647, 2147483648, 4294967294]) {
  test(`T10: uid and gid ${id} stay unsigned`, asRoot, async t => {
    const script = `
os.setgroups([${id}])
os.setresgid(${id}, ${id}, ${id})
os.setresuid(${id}, ${id}, ${id})
s2 = socket.socket(socket.AF_UNIX)
s2.connect(sys.argv[1])
`;
    const path = `${openDirectory(t)}/s`;
    const { next } = await openServer(t, path);
    python(t, connectScript(script), { args: [path] });
    assert.equal(peerCredentials(await next()).uid, 0);
    const found = peerCredentials(await next());
    assert.equal(found.uid, id);
    assert.equal(found.gid, id);
    assert.deepEqual(found.groups, [id]);
    assert.ok(isUser(found, id) && inGroup(found, id));
  });
}

test('T15: a uid that no directory knows is still the identity', asRoot, async t => {
  const uid = 3987654;
  assert.ok(!readFileSync('/etc/passwd', 'utf8').includes(`:${uid}:`));
  const { socket } = await acceptFrom(t, { uid, gid: uid, groups: [] });
  assert.equal(peerCredentials(socket).uid, uid);
});

test('T16: no supplementary groups means the primary alone, and complete', asRoot, async t => {
  const { socket } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [] });
  const found = peerCredentials(socket);
  assert.deepEqual(found.groups, [4321]);
  assert.equal(found.evidence.groups.known, true);
});

test('T17: a primary group that is in the list as well is listed once', asRoot, async t => {
  const { socket } = await acceptFrom(t, { uid: 1234, gid: 50, groups: [27, 50, 100] });
  assert.deepEqual(peerCredentials(socket).groups, [27, 50, 100]);
});

test('T18: groups that the kernel lists twice are listed once', asRoot, async t => {
  const { socket } = await acceptFrom(t, { uid: 1234, gid: 7, groups: [100, 5, 5, 5, 7, 7, 100] });
  assert.deepEqual(peerCredentials(socket).groups, [5, 7, 100]);
});

test('T19: more groups than the first attempt has room for are read in full', asRoot, async t => {
  const path = `${openDirectory(t)}/s`;
  const { next } = await openServer(t, path);
  for (const count of [300, 65536]) {
    python(t, `os.setgroups(range(1, ${count + 1}))\n${connectScript()}`, { args: [path] });
    const { groups } = peerCredentials(await next());
    assert.deepEqual(
      groups,
      Array.from({ length: count + 1 }, (_, index) => index),
    );
  }
});

test('T22: groups that a process dropped do not count, whatever the directory says', asRoot, async t => {
  const directory = openDirectory(t);
  const files = `
printf 'root:x:0:0::/:/bin/sh\\nmember:x:1234:1234::/:/bin/sh\\n' > ${directory}/passwd
printf 'root:x:0:\\nwheel:x:4242:member\\n' > ${directory}/group
mount --bind ${directory}/passwd /etc/passwd && mount --bind ${directory}/group /etc/group
${programPath('python3')} -c 'import os; assert 4242 in os.getgrouplist("member", 1234)' || exit 9
exec "$@"`;
  const asker = await askerElsewhere(t, [programPath('unshare'), '--mount', '/bin/sh', '-c', files, 'sh'], {
    uid: 1234,
    gid: 4242,
  });
  python(t, connectScript(), { uid: 1234, gid: 1234, groups: [], args: [asker.path] });
  const told = await asker.next();
  assert.equal(told.isUser, true);
  assert.equal(told.inGroup, false);
  assert.deepEqual(told.peer.groups, [1234]);
});

test('T31: a thread with ids of its own counts as itself, under the process id', asRoot, async t => {
  const script = `
number = {'x86_64': 117, 'aarch64': 147}[os.uname().machine]
def run():
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(number, 1101, 2202, 1101) == 0
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    hear()
thread = threading.Thread(target=run)
thread.start()
thread.join()
`;
  const path = `${openDirectory(t)}/s`;
  const { next } = await openServer(t, path);
  const peer = python(t, script, { args: [path] });
  const found = peerCredentials(await next());
  assert.equal(found.uid, 2202);
  assert.equal(found.pid, peer.child.pid);
});

test('T57: what a client names its own socket never becomes part of its identity', asRoot, async t => {
  const script = (name: string) => `
s = socket.socket(socket.AF_UNIX)
s.bind(${name})
s.connect(sys.argv[1])
hear()
`;
  const directory = openDirectory(t);
  const path = `${directory}/s`;
  const { next } = await openServer(t, path);
  const names = [
    `'${directory}/c;uid=0;gid=0;'`,
    `'${directory}/c\\nuid=0\\npid=1'`,
    `'\\0;uid=0;' + str(os.getpid())`,
  ];
  for (const name of names) {
    const peer = python(t, script(name), { uid: 1234, gid: 4321, groups: [], args: [path] });
    const found = peerCredentials(await next());
    assert.equal(found.uid, 1234);
    assert.equal(found.gid, 4321);
    assert.equal(found.pid, peer.child.pid);
    assert.ok(!isUser(found, 0) && !inGroup(found, 0));
    assert.equal(found.role, undefined, 'both ends have names: the role cannot be told');
    assert.equal(found.evidence.role.known, false);
    assert.deepEqual(
      Object.keys(found.evidence.uid).sort(),
      ['known', 'source'],
      'about whom stays open as well',
    );
  }
});

test('V4: with real, effective and saved ids apart, the effective ones count', asRoot, async t => {
  const script = `
os.setresgid(3000, 3001, 3002)
os.setresuid(1000, 1001, 1002)
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
a, b = socket.socketpair()
b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
a.send(b'x')
_, ancillary, _, _ = b.recvmsg(1, 64)
say(*struct.unpack('iII', ancillary[0][2]))
hear()
`;
  const path = `${openDirectory(t)}/s`;
  const { next } = await openServer(t, path);
  const peer = python(t, script, { args: [path] });
  const found = peerCredentials(await next());
  assert.equal(found.uid, 1001);
  assert.equal(found.gid, 3001);
  assert.equal(await peer.line(), `${peer.child.pid} 1000 3000`, 'a message carries the real ids');
});

test('V10: a client in a user namespace without a map is seen with its real kernel ids', {
  skip: needs('linux', 'root', 'namespaces', 'python3', 'setpriv'),
}, async t => {
  const before = [...runAs({ uid: 1234, gid: 4321, groups: [27] }), programPath('unshare'), '--user'];
  const { socket, peer } = await acceptFrom(t, { before, script: 'say(os.geteuid())' });
  assert.equal(await peer.line(), '65534', 'it does not know its own id');
  const found = peerCredentials(socket);
  assert.equal(found.uid, 1234);
  assert.deepEqual(found.groups, [27, 4321]);
});
