/** `sockcred policy test`: what would be decided about whom, and why. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCgroup, move } from '../../sockcred/build/support/cgroups.js';
import { connectScript, descriptorNumber, openServer, python } from '../../sockcred/build/support/peers.js';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { run, serve } from './support/command.js';
import { ownDirectory } from './support/directories.js';
import { allow, written } from './support/policies.js';

const onLinux = { skip: needs('linux') };
const asRoot = { skip: needs('linux', 'root', 'cgroups', 'python3', 'setpriv') };

const me = process.geteuid?.() ?? -1;

test('test PATH decides about who listens there, and says that it is only that', onLinux, async t => {
  const path = join(ownDirectory(t), 's');
  await serve(t, ['--listen', path]);
  const yes = await run(t, ['policy', 'test', written(t, allow(`user = ${me}`)), path]);
  assert.equal(yes.status, 0, yes.stderr);
  assert.match(yes.stdout, new RegExp(`^\\S+ is listened on by uid ${me}, `));
  assert.match(yes.stdout, /who connects/);
  assert.match(yes.stdout, /^allowed by allow rule 0$/m);
  assert.match(yes.stdout, /^Decided by \S+p\.toml:1\.$/m);
  const no = await run(t, ['policy', 'test', written(t, allow(`user = ${me + 1}`)), path]);
  assert.equal(no.status, 1);
  assert.match(no.stdout, /^denied: no rule lets this peer in$/m);
  assert.match(no.stdout, new RegExp(`rules\\[0\\]\\.user: no: uid is ${me}, not ${me + 1}`));
  const nobody = await run(t, ['policy', 'test', written(t, allow('user = 0')), '@sockcred-test-nobody']);
  assert.equal(nobody.status, 1);
  assert.match(nobody.stderr, /nobody listens/);
});

test(
  'test PID decides as if it connected now, by its unit too, and says what no process tells',
  asRoot,
  async t => {
    const cgroup = makeCgroup(t, 'x.service');
    const peer = python(t, "say('ready')\nhear()", { uid: 2001, gid: 2500, groups: [27] });
    await peer.line();
    move(peer.child.pid, cgroup);
    const file = written(t, allow('user = 2001\ngroup = 27\nunit = "x.service"\nsameNamespaces = true'));
    const { status, stdout, stderr } = await run(t, ['policy', 'test', file, `${peer.child.pid}`]);
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /There is no connection/);
    const labelled = written(t, allow('user = 2001\nlabel = "x"'));
    const untold = await run(t, ['policy', 'test', labelled, `${peer.child.pid}`]);
    assert.equal(untold.status, 1);
    assert.match(untold.stdout, /could not be told:\n {2}label: /);
    const other = written(t, allow('user = 2001\nunit = "y.service"'));
    assert.equal((await run(t, ['policy', 'test', other, `${peer.child.pid}`])).status, 1);
    peer.child.kill('SIGKILL');
    await peer.exited;
    const gone = await run(t, ['policy', 'test', file, `${peer.child.pid}`]);
    assert.deepEqual([gone.status, gone.stdout], [1, '']);
  },
);

test('test FD@PID decides about a live connection, by a real socket and its process', asRoot, async t => {
  const path = join(ownDirectory(t, 0o777), 's');
  const { next } = await openServer(t, path);
  const before = [programPath('unshare'), '--mount'];
  python(t, connectScript(), { before, args: [path] });
  const target = `${descriptorNumber(await next())}@${process.pid}`;
  const anywhere = await run(t, ['policy', 'test', written(t, allow('user = 0')), target]);
  assert.equal(anywhere.status, 0, anywhere.stderr);
  const file = written(t, allow('user = 0\nsameNamespaces = true'));
  const kept = await run(t, ['policy', 'test', '--json', file, target]);
  assert.equal(kept.status, 1);
  const { allowed, reason, tried, peer, missing } = JSON.parse(kept.stdout);
  assert.deepEqual([allowed, reason, peer.uid, missing], [false, 'no-rule', 0, []]);
  assert.match(JSON.stringify(tried), /another mnt namespace/);
});

test('test --user decides about a user as it would be after a login', onLinux, async t => {
  const file = written(t, allow('user = "daemon"\ngroup = 1'));
  const told = await run(t, ['policy', 'test', file, '--user', 'daemon']);
  assert.equal(told.status, 0, told.stdout + told.stderr);
  assert.match(told.stdout, /^User daemon, as after a login: uid 1, /);
  assert.equal((await run(t, ['policy', 'test', file, '--user', 'root'])).status, 1);
  const nobody = await run(t, ['policy', 'test', file, '--user', 'no-such-user']);
  assert.deepEqual([nobody.status, nobody.stdout], [2, '']);
  assert.match(nobody.stderr, /--user: there is no user 'no-such-user' here/);
});
