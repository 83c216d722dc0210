/** Containers of real engines: each is named by its engine, root's or that user's word, and told with what holds it. */

import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { peerCredentials } from 'sockcred';
import { type Claim, peerApplication } from 'sockcred/application';
import { makeCgroup } from './support/cgroups.js';
import {
  bundle,
  CLIENT,
  connectionOf,
  docker,
  hybrid,
  lxc,
  managed,
  place,
  podman,
} from './support/containers.js';
import { needs, type Program, programPath } from './support/requirements.js';
import { asUser, SANDBOXED } from './support/user-manager.js';

const requiring = (...programs: readonly Program[]) => needs('linux', 'root', 'cgroups', 'cc', ...programs);
const ID = 'ab01'.repeat(16);
const POD = '1a2b3c4d-0000-1111-2222-333344445555';

/** The container of a connection; what the kernel lists is printed, as a fixture for those who cannot start one. */
function containerOf(t: TestContext, socket: Socket): Claim {
  const { claims } = peerApplication(socket);
  const { pid } = peerCredentials(socket);
  t.diagnostic(readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n').at(-1) ?? '');
  const claim = claims.find(({ engine }) => engine === 'container');
  assert.ok(claim, JSON.stringify(claims));
  assert.ok(claim.containment.includes('pid namespace'));
  return claim;
}

/** crun refuses the hybrid of old and new hierarchies, and puts its containers one directory deeper. */
const runtime = hybrid ? 'runc' : 'crun';

test('Podman’s container is named, as root’s word', { skip: requiring('podman', runtime) }, async t => {
  const where = place(t);
  const { words, id } = podman(where, runtime);
  const claim = containerOf(t, await connectionOf(t, where, words));
  assert.deepEqual([claim.runtime, claim.instanceId], ['podman', id()]);
  assert.deepEqual(claim.authority, { of: 'root' });
});

if (managed) {
  test('Podman’s container of a user is that user’s word', {
    skip: requiring('podman', runtime, 'systemd-run'),
  }, async t => {
    const where = place(t);
    const { words, id } = podman(where, runtime, asUser(t));
    const claim = containerOf(t, await connectionOf(t, where, words));
    assert.deepEqual([claim.runtime, claim.instanceId], ['podman', id()]);
    assert.deepEqual(claim.authority, { of: 'user', uid: SANDBOXED });
    assert.ok(claim.containment.includes('user namespace'));
  });
}

test('a pod’s container, put by runc where containerd wants it, is told with its pod', {
  skip: requiring('runc'),
}, async t => {
  const where = place(t);
  const cgroup = managed
    ? `kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice:cri-containerd:${ID}`
    : `/kubepods/burstable/pod${POD}/${ID}`;
  const claim = containerOf(t, await connectionOf(t, where, bundle(where, 'runc', cgroup)));
  assert.deepEqual([claim.instanceId, claim.podId], [ID, POD]);
  assert.equal(claim.runtime, managed ? 'containerd' : 'kubernetes');
  assert.deepEqual(claim.authority, { of: 'root' });
});

test('Docker’s container is named, as root’s word', {
  skip: requiring('docker', 'dockerd', 'containerd', 'runc'),
}, async t => {
  const where = place(t);
  const { words, id } = await docker(t, where);
  const claim = containerOf(t, await connectionOf(t, where, words));
  assert.deepEqual([claim.runtime, claim.instanceId], ['docker', id()]);
  assert.deepEqual(claim.authority, { of: 'root' });
});

test('LXC’s container is named, and what watches it is none', { skip: requiring('lxc-start') }, async t => {
  const where = place(t);
  const name = `sockcred.${process.pid}`;
  const claim = containerOf(t, await connectionOf(t, where, lxc(where, name)));
  assert.deepEqual([claim.runtime, claim.instanceId], ['lxc', name]);
  assert.deepEqual(claim.authority, { of: 'root' });
});

if (managed) {
  test('systemd-nspawn’s container is named by the machine manager', {
    skip: requiring('systemd-nspawn', 'systemd-run'),
  }, async t => {
    const where = place(t);
    const name = `sockcred${process.pid}`;
    const service = [
      programPath('systemd-run'),
      '--quiet',
      '--pipe',
      '--wait',
      '--collect',
      '-pDelegate=yes',
    ];
    const machine = [
      programPath('systemd-nspawn'),
      '--quiet',
      `--machine=${name}`,
      `--directory=${where.root}`,
    ];
    const words = [...service, ...machine, `--bind=${where.sockets}:/s`, ...CLIENT];
    const claim = containerOf(t, await connectionOf(t, where, words));
    assert.deepEqual([claim.runtime, claim.instanceId], ['machined', name]);
    assert.deepEqual(claim.authority, { of: 'root' });
  });
} else {
  test('systemd-nspawn’s container is named by the unit that it runs in', {
    skip: requiring('systemd-nspawn'),
  }, async t => {
    const where = place(t);
    const name = `sockcred${process.pid}`;
    const unit = makeCgroup(t, 'machine.slice', `systemd-nspawn@${name}.service`);
    // As the unit of this name does, where there is a systemd.
    const machine = [
      ...[programPath('systemd-nspawn'), '--quiet', '--keep-unit', '--register=no', '--link-journal=no'],
      ...[`--machine=${name}`, `--directory=${where.root}`, `--bind=${where.sockets}:/s`],
    ];
    const enter = 'echo $$ >"$0/cgroup.procs" && exec "$@"';
    where.endings.push(() =>
      rmSync(`/run/systemd/nspawn/propagate/${name}`, { recursive: true, force: true }),
    );
    const words = ['/bin/sh', '-c', enter, unit, ...machine, ...CLIENT];
    const claim = containerOf(t, await connectionOf(t, where, words));
    assert.deepEqual([claim.runtime, claim.instanceId], ['systemd-nspawn', name]);
    assert.deepEqual(claim.authority, { of: 'root' });
  });
}
