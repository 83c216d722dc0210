/** Containers in containers of real engines: each is told, the innermost first, and only the outermost is root's word. */

import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Authority, type Claim, peerApplication } from 'sockcred/application';
import { bundle, CLIENT, connectionOf, docker, hybrid, lxc, podman } from './support/containers.js';
import { programElsewhere } from './support/elsewhere.js';
import { holding, machinePlace, PLAIN, placeIn, SANITIZED } from './support/nested.js';
import { connectScript, python } from './support/peers.js';
import { needs, type Program } from './support/requirements.js';
import { bubblewrapped, rootWithClaims, SANDBOXED } from './support/sandboxes.js';
import type { PartOf } from './support/teller.js';

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
    assert.ok(containment.includes('pid namespace'));
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

test('T56: runc in Docker', { skip: requiring('docker', 'dockerd', 'containerd', 'runc') }, async t => {
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

if (hybrid) {
  test('T56: an engine in a container that sees the older hierarchies only is told by systemd’s own', {
    skip: requiring('podman', runtime),
  }, async t => {
    const outside = machinePlace(t);
    const inner = podman(placeIn(t, outside), runtime);
    const outer = podman(outside, runtime, [], holding(inner.words, { asMounted: true }));
    const socket = await connectionOf(t, outside, outer.words);
    assert.deepEqual(containersOf(t, socket), [
      ['podman', inner.id(), CONTAINER],
      ['podman', outer.id(), ROOT],
    ]);
    assert.equal(peerApplication(socket).cgroup?.hierarchy, 'name=systemd');
  });
}

test('T56: a sandbox in a container is told first, as its user’s word, and then the container', {
  skip: requiring('podman', runtime, 'bwrap', 'setpriv'),
}, async t => {
  const outside = machinePlace(t);
  const root = rootWithClaims(t);
  copyFileSync(join(outside.root, 'client'), join(root, 'client'));
  const sandbox = bubblewrapped(root, '--bind', outside.sockets, '/s', ...CLIENT);
  const outer = podman(outside, runtime, [], holding(sandbox));
  const socket = await connectionOf(t, outside, outer.words);
  const { claims } = peerApplication(socket, { engines: ['flatpak', 'container'] });
  const [flatpak, container, ...more] = claims;
  assert.deepEqual(more, []);
  assert.deepEqual([flatpak?.applicationId, flatpak?.instance], ['org.evil.Claims', 'unconfirmed']);
  assert.deepEqual(flatpak?.authority, { of: 'user', uid: SANDBOXED });
  assert.deepEqual([container?.instanceId, container?.authority], [outer.id(), ROOT]);
  for (const claim of claims) assert.ok(claim.containment.includes('user namespace'));
});

const FORGED = [
  'user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-org.example.App-7.scope',
  'snap.firefox.firefox-0b3f9a9e-7a52-4a0e-8a67-0c1d2e3f4a5b.scope',
  `docker-${ID}.scope`,
  'system.slice/nginx.service',
];

test('T52, T56: no unit of a container’s own is one of this machine’s, and no name in it is root’s word', {
  skip: requiring('lxc-start'),
}, async t => {
  for (const name of FORGED) {
    const outside = machinePlace(t);
    const at = `/sys/fs/cgroup${hybrid ? '/unified' : ''}/${name}`;
    const script = 'mkdir -p "$0" && echo $$ >"$0/cgroup.procs" && exec "$@"';
    const container = `sockcred.${process.pid}`;
    const words = lxc(outside, container, holding(['/bin/sh', '-c', script, at, ...CLIENT]));
    const socket = await connectionOf(t, outside, words);
    const { claims, cgroup } = peerApplication(socket);
    assert.equal(cgroup?.path, `/lxc.payload.${container}/${name}`);
    assert.deepEqual(
      claims.filter(({ authority }) => authority.of === 'root').map(({ instanceId }) => instanceId),
      [container],
    );
    for (const { engine, authority } of claims) {
      assert.notEqual(engine, 'systemd');
      if (authority.of !== 'root') assert.deepEqual(authority, CONTAINER);
    }
    socket.destroy();
    for (const ending of outside.endings.splice(0).reverse()) await ending();
  }
});

test('T56: a server in a container tells the one in it, and nothing of whom it cannot see', {
  skip: requiring('podman', runtime, 'python3', 'setpriv'),
}, async t => {
  const outside = machinePlace(t);
  const inside = placeIn(t, outside);
  const path = join(outside.sockets, 's');
  const inner = podman(inside, runtime);
  const { words } = podman(outside, runtime, [], holding(SANITIZED));
  const { line, end } = await programElsewhere(
    t,
    [...PLAIN, ...words],
    'teller',
    [...PLAIN, ...inner.words],
    path,
  );
  outside.endings.push(end);

  const contained = JSON.parse(await line()) as PartOf;
  assert.ok(contained.pid !== undefined && contained.pid < 1000, 'a number of the container’s own');
  assert.deepEqual(
    contained.claims?.map(({ runtime, instanceId, authority }) => [runtime, instanceId, authority]),
    [['podman', inner.id(), ROOT]],
  );
  assert.ok(contained.claims?.[0]?.containment.includes('pid namespace'));

  python(t, connectScript(), { uid: 1234, gid: 1234, groups: [], args: [path] });
  const stranger = JSON.parse(await line()) as PartOf;
  assert.deepEqual(stranger, { uid: 1234, code: 'ERR_PEER_PROCESS' });
});
