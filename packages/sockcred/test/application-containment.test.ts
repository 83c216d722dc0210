/** What counts as held: namespaces below ours, and none that merely differ. A label, and the names of cgroups beside it. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { peerApplication } from 'sockcred/application';
import { peerProcess } from 'sockcred/process';
import { snap } from '../dist/application/detect-snap.js';
import type { Evidences } from '../dist/application/detector.js';
import { programElsewhere } from './support/elsewhere.js';
import { acceptFrom, connectScript, python, runAs } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';
import type { PartOf } from './support/teller.js';

const withNamespaces = { skip: needs('linux', 'root', 'python3', 'setpriv', 'namespaces') };

const unshare = (...flags: readonly string[]) => [programPath('unshare'), ...flags];

async function connected(t: TestContext, ...before: readonly string[]) {
  const { socket } = await acceptFrom(t, { before });
  const held = peerProcess(socket);
  t.after(() => held.close());
  const others = held.describe().otherNamespaces;
  assert.ok(others.known);
  const state = held.now().userNamespace;
  assert.ok(state.known);
  return {
    containment: peerApplication(socket).containment ?? [],
    others: others.value,
    user: state.value.relation,
    drift: held.drift(),
  };
}

const walls = (containment: readonly string[]) => containment.filter(name => name.endsWith('namespace'));

test(
  'mount and network namespaces of a peer’s own are told as others, and hold nobody',
  withNamespaces,
  async t => {
    const { containment, others } = await connected(t, ...unshare('--mount', '--net', '--uts'));
    assert.deepEqual(walls(containment), []);
    assert.deepEqual(others, ['mnt', 'net', 'uts']);
  },
);

test('a user namespace and a pid namespace below ours hold, at any depth', withNamespaces, async t => {
  const once = unshare('--user', '--map-root-user', '--pid', '--fork', '--kill-child');
  for (const before of [once, [...once, ...once]]) {
    const { containment, others, user } = await connected(t, ...before);
    assert.deepEqual(walls(containment), ['user namespace', 'pid namespace']);
    assert.deepEqual(others, ['pid', 'user']);
    assert.equal(user, 'below');
  }
});

test('nobody is held who is where we are', withNamespaces, async t => {
  const { containment, others, user } = await connected(t);
  assert.deepEqual([walls(containment), others, user], [[], [], 'ours']);
});

test(
  'all capabilities of whoever made a user namespace are in there, and are no drift',
  withNamespaces,
  async t => {
    const { socket } = await acceptFrom(t, {
      before: [...runAs({ uid: 1234, gid: 4321, groups: [] }), ...unshare('--user', '--map-root-user')],
    });
    const held = peerProcess(socket);
    t.after(() => held.close());
    const { capabilities } = held.now();
    assert.ok(capabilities.known && capabilities.value.effective !== 0n);
    assert.deepEqual(held.drift(), []);
  },
);

test('who makes a user namespace while it is held has gained nothing over us', withNamespaces, async t => {
  const script = `
say('held')
hear()
say(ctypes.CDLL(None).unshare(0x10000000))
`;
  const { socket, peer } = await acceptFrom(t, { uid: 1234, gid: 4321, groups: [], script });
  const held = peerProcess(socket);
  t.after(() => held.close());
  await peer.line();
  assert.deepEqual(held.drift(), []);
  peer.tell('go on');
  assert.equal(await peer.line(), '0');
  const { capabilities, userNamespace } = held.now();
  assert.ok(capabilities.known && capabilities.value.effective !== 0n);
  assert.ok(userNamespace.known && userNamespace.value.relation === 'below');
  assert.deepEqual(
    held.drift().filter(({ what }) => what === 'capabilities'),
    [],
  );
});

/** What a server behind these words says of the next one who connects, started behind others. */
async function serverBehind(t: TestContext, before: readonly string[]) {
  const { path, line } = await programElsewhere(t, before, 'teller', []);
  return async (...words: readonly string[]): Promise<PartOf> => {
    python(t, connectScript(), { before: words, args: [path] });
    return JSON.parse(await line()) as PartOf;
  };
}

test(
  'a server in mount and network namespaces of its own takes nobody for contained but who is',
  withNamespaces,
  async t => {
    const told = await serverBehind(t, unshare('--mount', '--net'));
    assert.deepEqual(walls((await told()).containment ?? assert.fail()), []);
    const { containment = [] } = await told(...unshare('--user', '--pid', '--fork', '--kill-child'));
    assert.deepEqual(walls(containment), ['user namespace', 'pid namespace']);
  },
);

test('a server in a user namespace of its own says nobody is contained', withNamespaces, async t => {
  const told = await serverBehind(t, unshare('--user', '--map-root-user'));
  const { code, containment } = await told();
  assert.equal(code, 'ERR_PEER_APPLICATION', 'it may not look');
  assert.equal(containment, undefined);
});

test('T50: where a label confines to another profile, the name of the cgroup makes no snap', () => {
  const segments = [
    { name: 'system.slice', authority: { of: 'root' } },
    { name: 'snap.hello.world.service', authority: { of: 'root' } },
  ];
  const under = (text: string | undefined) =>
    snap.detect({
      peer: { uid: 1000, ...(text === undefined ? {} : { label: { text } }) },
      cgroup: () => ({ segments, binding: 'kernel' }),
      containment: () => [],
    } as unknown as Evidences);
  for (const text of ['sockcred_plain (enforce)', 'snap.a.b//&snap.c.d (enforce)', 'snap.a (complain)']) {
    assert.equal(under(text), 'not-mine', text);
  }
  for (const text of [undefined, 'unconfined', 'system_u:system_r:snappy_t:s0']) {
    const claims = under(text);
    assert.ok(claims !== 'not-mine');
    assert.deepEqual(
      claims.map(({ applicationId, evidence }) => [applicationId, evidence]),
      [['hello.world', 'cgroup']],
    );
  }
  const [claim] = under('snap.other.app (enforce)');
  assert.ok(typeof claim === 'object');
  assert.equal(claim.applicationId, 'other.app');
  assert.deepEqual(claim.authority, { of: 'user', uid: 1000 }, 'who is not confined enters any profile');
  assert.deepEqual([claim.binding, claim.containment], ['kernel', ['security module']]);
});
