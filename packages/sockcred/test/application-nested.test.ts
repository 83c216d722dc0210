/** Containers in containers of real engines: each is told, the innermost first, and only the outermost is root's word. */

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Authority, type Claim, peerApplication } from 'sockcred/application';
import { bundle, connectionOf, docker, hybrid, lxc, podman } from './support/containers.js';
import { holding, machinePlace, placeIn } from './support/nested.js';
import { needs, type Program } from './support/requirements.js';

const requiring = (...programs: readonly Program[]) => needs('linux', 'root', 'cgroups', 'cc', ...programs);
const runtime = hybrid ? 'runc' : 'crun';
const ID = 'ab01'.repeat(16);

const ROOT: Authority = { of: 'root' };
/** Root of the container around it, who is uid 0 without a user namespace. */
const CONTAINER: Authority = { of: 'user', uid: 0 };

/** Each container of a connection, and that it holds its process. */
function containersOf(t: TestContext, socket: Socket) {
  const { claims, cgroup } = peerApplication(socket);
  t.diagnostic(`${cgroup?.hierarchy} ${cgroup?.path}`);
  const found = claims.filter(({ engine }) => engine === 'container');
  for (const { containment } of found) {
    for (const held of ['mount namespace', 'pid namespace'] as const) assert.ok(containment.includes(held));
  }
  return found.map(({ runtime, instanceId, authority }: Claim) => [runtime, instanceId, authority]);
}

test('T56: Podman in Podman: both are told, the outer one as root’s word', {
  skip: requiring('podman', runtime),
}, async t => {
  const outside = machinePlace(t);
  const inner = podman(placeIn(t, outside), runtime);
  const outer = podman(outside, runtime, [], holding(inner.words));
  const socket = await connectionOf(t, outside, outer.words);
  assert.deepEqual(containersOf(t, socket), [
    ['podman', inner.id(), CONTAINER],
    ['podman', outer.id(), ROOT],
  ]);
});

test('T56: runc in Docker', { skip: requiring('docker', 'dockerd', 'runc') }, async t => {
  const outside = machinePlace(t);
  const inner = bundle(placeIn(t, outside), 'runc', `/docker/${ID}`);
  const outer = await docker(t, outside, holding(inner));
  const socket = await connectionOf(t, outside, outer.words);
  assert.deepEqual(containersOf(t, socket), [
    ['docker', ID, CONTAINER],
    ['docker', outer.id(), ROOT],
  ]);
});

test('T56: runc in LXC', { skip: requiring('lxc-start', 'runc') }, async t => {
  const outside = machinePlace(t);
  const name = `sockcred.${process.pid}`;
  const inner = bundle(placeIn(t, outside), 'runc', `/docker/${ID}`);
  const socket = await connectionOf(t, outside, lxc(outside, name, holding(inner)));
  assert.deepEqual(containersOf(t, socket), [
    ['docker', ID, CONTAINER],
    ['lxc', name, ROOT],
  ]);
});
