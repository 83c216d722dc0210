/** Snaps by their AppArmor label, and what labels say that are none of a snap. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peerApplication } from 'sockcred/application';
import { acceptFrom } from '../support/peers.js';
import { needs } from '../support/requirements.js';
import { loadProfile } from './support/apparmor.js';
import { asking, socketBeforeExec } from './support/labelled.js';

const asRoot = { skip: needs('linux', 'root', 'python3', 'setpriv') };

const under = (name: string) => asking('exec', Buffer.from(`exec ${name}`));
const user = { uid: 1234, gid: 4321, groups: [] };

test(
  'T50: a snap is told by its profile, as its user’s word, and as contained by the module, which is the kernel’s',
  asRoot,
  async t => {
    loadProfile('snap.hello.world');
    const { socket } = await acceptFrom(t, { ...user, before: under('snap.hello.world') });
    const { claims, label } = peerApplication(socket);
    const [snap] = claims;
    assert.equal(snap?.engine, 'snap');
    assert.equal(snap.applicationId, 'hello.world');
    assert.deepEqual(snap.authority, { of: 'user', uid: user.uid }, 'who is not confined enters any profile');
    assert.deepEqual([snap.binding, snap.evidence, snap.captured], ['kernel', 'SO_PEERSEC', 'socket']);
    assert.ok(snap.containment.includes('security module'));
    assert.deepEqual(label?.context, { module: 'apparmor', profiles: ['snap.hello.world'], mode: 'enforce' });
  },
);

test('T50: a profile that only complains contains nothing', asRoot, async t => {
  loadProfile('snap.hello.complains', 'attach_disconnected, complain');
  const { socket } = await acceptFrom(t, { ...user, before: under('snap.hello.complains') });
  const { claims, label } = peerApplication(socket);
  const [snap] = claims;
  assert.equal(snap?.applicationId, 'hello.complains');
  assert.ok(!snap.containment.includes('security module'));
  assert.equal(label?.context.module === 'apparmor' && label.context.mode, 'complain');
});

test(
  'T48, T50: a snap in a stack of profiles is one, also in a label of more than 1 KiB',
  asRoot,
  async t => {
    const names = [
      'snap.hello.stacked',
      ...['a', 'b', 'c', 'd', 'e'].map(letter => `sockcred_s${letter.repeat(220)}`),
    ];
    for (const name of names) loadProfile(name);
    const [first = '', ...rest] = names;
    const before = [...under(first), ...asking('exec', Buffer.from(`stack ${rest.join('//&')}`))];
    const { socket } = await acceptFrom(t, { ...user, before });
    const { claims, label } = peerApplication(socket);
    assert.equal(claims[0]?.engine, 'snap');
    assert.equal(claims[0]?.applicationId, 'hello.stacked');
    assert.ok(label?.context.module === 'apparmor');
    assert.deepEqual([...label.context.profiles].sort(), [...names].sort());
  },
);

test('T50: two snaps in one stack are none, and neither is a profile of another kind', asRoot, async t => {
  for (const name of ['snap.hello.one', 'snap.other.two', 'sockcred_plain']) loadProfile(name);
  const two = [...under('snap.hello.one'), ...asking('exec', Buffer.from('stack snap.other.two'))];
  for (const before of [two, under('sockcred_plain')]) {
    const { socket } = await acceptFrom(t, { ...user, before });
    const { claims, label } = peerApplication(socket);
    assert.ok(
      claims.every(({ engine }) => engine !== 'snap'),
      JSON.stringify(claims),
    );
    assert.equal(label?.context.module, 'apparmor');
  }
});

test('T70: a snap that made its socket before it was confined is none', asRoot, async t => {
  loadProfile('snap.hello.late');
  const request = Buffer.from('exec snap.hello.late');
  const { socket, current } = await socketBeforeExec(t, 'exec', request, { uid: 1234, gid: 4321 });
  assert.equal(current.toString(), 'snap.hello.late (enforce)\n');
  const { claims, label } = peerApplication(socket);
  assert.ok(
    claims.every(({ engine }) => engine !== 'snap'),
    JSON.stringify(claims),
  );
  assert.deepEqual(label?.context, { module: 'apparmor', profiles: [] });
});
