/** Cgroups of real processes: which one it is, whose word its names are, and what they say. */

import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PeerError } from 'sockcred';
import { peerApplication, peerCgroup } from 'sockcred/application';
import { peerProcess } from 'sockcred/process';
import { cgroupWay } from '../dist/sys/cgroup-tree.js';
import { acceptInCgroup, acceptInOwnCgroup, makeCgroup, move } from './support/cgroups.js';
import { acceptFrom, python, USER } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';

const asRoot = { skip: needs('linux', 'root', 'cgroups', 'python3', 'setpriv') };
const ID = '3f4e'.repeat(16);
const SNAP = 'snap.firefox.firefox-0b3f9a9e-7a52-4a0e-8a67-0c1d2e3f4a5b.scope';

test(
  'a peer’s cgroup is the one whose directory has the kernel’s number, and follows it',
  asRoot,
  async t => {
    const before = makeCgroup(t, 'a.service');
    const after = makeCgroup(t, 'b.service');
    const { socket, peer } = await acceptFrom(t, USER);
    move(peer.child.pid, before);
    const first = peerCgroup(socket);
    if (first.id !== undefined) {
      assert.equal(first.id, statSync(before, { bigint: true }).ino);
      assert.equal(first.binding, 'kernel');
    }
    assert.ok(first.path.endsWith('/a.service'));
    assert.equal(first.hierarchy, 'unified');
    const held = peerProcess(socket);
    t.after(() => held.close());
    move(peer.child.pid, after);
    const second = peerCgroup(held);
    assert.ok(second.path.endsWith('/b.service'));
    assert.notEqual(second.id, first.id ?? second.path);
    if (first.id !== undefined) {
      assert.deepEqual(
        held.drift().map(({ what, since }) => [what, since]),
        [['cgroup', 'held']],
      );
    }
  },
);

test(
  'T52: a container named by root is root’s word, one named in a user’s own subtree is that user’s',
  asRoot,
  async t => {
    const [claim] = peerApplication(await acceptInCgroup(t, `docker-${ID}.scope`)).claims;
    assert.equal(claim?.engine, 'container');
    assert.equal(claim?.runtime, 'docker');
    assert.equal(claim?.instanceId, ID);
    assert.deepEqual(claim?.authority, { of: 'root' });

    const { claims } = peerApplication(await acceptInOwnCgroup(t, 'user@1234.service', `docker-${ID}.scope`));
    const forged = claims.find(({ engine }) => engine === 'container');
    assert.equal(forged?.instanceId, ID);
    assert.deepEqual(forged?.authority, { of: 'user', uid: 1234 });
    const unit = claims.find(({ engine }) => engine === 'systemd');
    assert.deepEqual(unit?.authority, { of: 'user', uid: 1234 });
  },
);

test(
  'T52: below a directory that systemd marked as delegated, a name is the delegate’s word, root or not',
  asRoot,
  async t => {
    const scope = makeCgroup(t, 'given.service', `docker-${ID}.scope`);
    const given = join(scope, '..');
    const { socket, peer } = await acceptFrom(t, USER);
    move(peer.child.pid, scope);
    const authority = (engine: string) =>
      peerApplication(socket).claims.find(claim => claim.engine === engine)?.authority;
    assert.deepEqual(authority('container'), { of: 'root' });
    for (const mark of ['user.delegate', 'trusted.delegate']) {
      const set = `os.setxattr(sys.argv[1], '${mark}', b'1')`;
      if ((await python(t, set, { args: [given] }).exited) !== 0) {
        t.skip('needs extended attributes of cgroups: Linux 5.7');
        return;
      }
      assert.deepEqual(authority('container'), { of: 'user', uid: 0 }, mark);
      assert.deepEqual(authority('systemd'), { of: 'root' }, 'its own name is from above');
      await python(t, `os.removexattr(sys.argv[1], '${mark}')`, { args: [given] }).exited;
      assert.deepEqual(authority('container'), { of: 'root' });
    }
  },
);

test(
  'T52: below a directory that others may write into, a name is nobody’s in particular',
  asRoot,
  async t => {
    const cgroup = makeCgroup(t, SNAP);
    chmodSync(join(cgroup, '..'), 0o775);
    const { socket, peer } = await acceptFrom(t, USER);
    move(peer.child.pid, cgroup);
    const [claim] = peerApplication(socket).claims;
    assert.equal(claim?.engine, 'snap');
    assert.equal(claim?.applicationId, 'firefox.firefox');
    assert.deepEqual(claim?.authority, { of: 'user' });
    assert.equal(claim?.evidence, 'cgroup');
  },
);

test(
  'T52: whom only the files by which processes are moved were given, says so for the names that they can reach',
  asRoot,
  async t => {
    const scope = makeCgroup(t, 'given.slice', `docker-${ID}.scope`);
    const slice = join(scope, '..');
    const script = `
hear()
try:
    os.write(os.open(sys.argv[2] + '/cgroup.procs', os.O_WRONLY), b'%d' % os.getpid())
    say('moved')
except OSError as error: say(error.strerror)
hear()
try:
    os.write(os.open(sys.argv[2] + '/cgroup.procs', os.O_WRONLY), b'%d' % os.getpid())
    say('moved')
except OSError as error: say(error.strerror)`;
    const { socket, peer } = await acceptFrom(t, { ...USER, script, more: [scope] });
    const segments = () => peerCgroup(socket).segments.slice(-2);
    chownSync(join(scope, 'cgroup.procs'), 1234, 1234);
    move(peer.child.pid, slice);
    peer.tell('go');
    assert.equal(await peer.line(), 'Permission denied', 'the nearest common ancestor is root’s');
    move(peer.child.pid, scope);
    assert.deepEqual(
      segments().map(({ authority }) => authority),
      [{ of: 'root' }, { of: 'root' }],
      'so that root has moved it',
    );
    move(peer.child.pid, slice);
    chownSync(join(slice, 'cgroup.procs'), 1234, 1234);
    peer.tell('go');
    assert.equal(await peer.line(), 'moved');
    assert.deepEqual(
      segments().map(({ authority }) => authority),
      [{ of: 'root' }, { of: 'user', uid: 1234 }],
      'from the slice into the scope, but not into the slice',
    );
    const claim = peerApplication(socket).claims.find(({ engine }) => engine === 'container');
    assert.deepEqual(claim?.authority, { of: 'user', uid: 1234 });
    chownSync(join(scope, 'cgroup.procs'), 0, 0);
    chmodSync(join(scope, 'cgroup.threads'), 0o666);
    assert.deepEqual(segments()[1]?.authority, { of: 'user' }, 'a thread can be moved alone');
  },
);

test('T52: in an older hierarchy whoever may write to the file comes from anywhere', {
  skip:
    asRoot.skip || (existsSync('/sys/fs/cgroup/systemd/tasks') ? false : 'needs a hierarchy of version 1'),
}, t => {
  const top = `/sys/fs/cgroup/systemd/sockcredtest${process.pid}v1.slice`;
  const scope = join(top, `docker-${ID}.scope`);
  mkdirSync(scope, { recursive: true });
  t.after(() => {
    rmdirSync(scope);
    rmdirSync(top);
  });
  const joiner = () => cgroupWay('name=systemd', scope.slice('/sys/fs/cgroup/systemd'.length))?.joiner;
  assert.equal(joiner(), undefined);
  for (const file of ['tasks', 'cgroup.procs']) {
    chownSync(join(scope, file), 1234, 0);
    assert.deepEqual(joiner(), { uid: 1234, shared: false, from: -1 }, file);
    chownSync(join(scope, file), 0, 0);
  }
  chmodSync(join(scope, 'tasks'), 0o664);
  assert.deepEqual(joiner(), { uid: 0, shared: true, from: -1 });
});

test('T52: marks that cannot be listed count as a mark', asRoot, async t => {
  const scope = makeCgroup(t, 'given.service', `docker-${ID}.scope`);
  const { socket, peer } = await acceptFrom(t, USER);
  move(peer.child.pid, scope);
  const authority = () => peerApplication(socket, { engines: ['container'] }).claims[0]?.authority;
  assert.deepEqual(authority(), { of: 'root' });
  // More names than there is room for.
  const set = `for n in range(60): os.setxattr(sys.argv[1], f'user.{n:0200}', b'1')`;
  if ((await python(t, set, { args: [join(scope, '..')] }).exited) !== 0) {
    t.skip('needs extended attributes of cgroups: Linux 5.7');
    return;
  }
  assert.deepEqual(authority(), { of: 'user', uid: 0 });
});

test('a cgroup that has been removed is told as such, and its names are nobody’s', asRoot, async t => {
  const top = makeCgroup(t, 'threaded.service');
  const inner = join(top, `docker-${ID}.scope`);
  mkdirSync(inner);
  // The first thread alone is in there, and ends before the others.
  const script = `
hear()
def rest():
    while open(f'/proc/{os.getpid()}/task/{os.getpid()}/stat').read().split(') ')[1][0] != 'Z': time.sleep(0.01)
    os.rmdir(sys.argv[2])
    say('removed')
    time.sleep(1000)
open(sys.argv[2] + '/cgroup.threads', 'w').write(str(threading.get_native_id()))
threading.Thread(target=lambda: (open(sys.argv[3] + '/cgroup.threads', 'w').write(str(threading.get_native_id())), rest())).start()
ctypes.CDLL(None).pthread_exit(None)`;
  const { socket, peer } = await acceptFrom(t, { script, more: [inner, top] });
  move(peer.child.pid, top);
  writeFileSync(join(inner, 'cgroup.type'), 'threaded');
  peer.tell('go');
  try {
    assert.equal(await peer.line(), 'removed');
  } catch {
    t.skip('the interpreter does not survive its first thread');
    return;
  }
  const { deleted, path, segments, binding } = peerCgroup(socket);
  assert.equal(deleted, true);
  assert.ok(path.endsWith(`docker-${ID}.scope`));
  assert.notEqual(binding, 'kernel');
  for (const { authority } of segments) assert.deepEqual(authority, { of: 'user' });
});

test('T56: a container in a container is two claims, the inner one first', asRoot, async t => {
  const inner = '09ab'.repeat(16);
  const socket = await acceptInCgroup(t, `docker-${ID}.scope`, 'docker', inner);
  const { claims } = peerApplication(socket, { engines: ['container'] });
  assert.deepEqual(
    claims.map(({ instanceId, authority }) => [instanceId, authority]),
    [
      [inner, { of: 'user', uid: 0 }],
      [ID, { of: 'root' }],
    ],
  );
});

test(
  'T52, T56: a snap that root of a container names below its own cgroup is the container’s word',
  asRoot,
  async t => {
    const socket = await acceptInCgroup(t, 'lxc.payload.web', SNAP);
    const [claim] = peerApplication(socket, { engines: ['snap'] }).claims;
    assert.deepEqual([claim?.applicationId, claim?.authority], ['firefox.firefox', { of: 'user', uid: 0 }]);
  },
);

test('a program of no engine has no claim, and its cgroup is as the kernel lists it', asRoot, async t => {
  const { socket, peer } = await acceptFrom(t, USER);
  const { claims, network, cgroup } = peerApplication(socket);
  const unit = claims.filter(({ engine }) => engine !== 'systemd');
  assert.deepEqual(unit, []);
  const listed = readFileSync(`/proc/${peer.child.pid}/cgroup`, 'utf8');
  assert.ok(listed.split('\n').some(line => line.endsWith(`:${cgroup?.path}`)));
  if (network.known) assert.equal(network.value, 'same');
  assert.throws(
    () => peerApplication(socket, { engines: ['docker' as 'snap'] }),
    (error: PeerError | Error) => error instanceof TypeError,
  );
});

test('a peer in another network namespace is told, whatever the path says', {
  skip: asRoot.skip || needs('namespaces'),
}, async t => {
  const { socket } = await acceptFrom(t, { before: [programPath('unshare'), '--net'] });
  const { network } = peerApplication(socket);
  if (network.known) assert.equal(network.value, 'other');
  else assert.equal(network.reason, 'unsupported', 'before Linux 5.14');
});

test('T71: root of a container without a user namespace is uid 0, and in other namespaces than ours', {
  skip: asRoot.skip || needs('namespaces'),
}, async t => {
  const before = [programPath('unshare'), '--mount', '--pid', '--fork', '--kill-child', '--uts', '--ipc'];
  const { socket } = await acceptFrom(t, { uid: 0, gid: 0, groups: [], before });
  const held = peerProcess(socket);
  t.after(() => held.close());
  assert.equal(held.credentials.uid, 0);
  const ours = peerProcess((await acceptFrom(t)).socket);
  t.after(() => ours.close());
  const [theirs, here] = [held, ours].map(each => each.describe().namespaces);
  assert.ok(theirs?.known && here?.known);
  assert.equal(theirs.value.user, here.value.user);
  for (const name of ['mnt', 'pid', 'uts', 'ipc'] as const)
    assert.notEqual(theirs.value[name], here.value[name]);
});
