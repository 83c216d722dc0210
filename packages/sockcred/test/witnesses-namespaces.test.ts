/** Which namespaces a peer shares with us, and that root of a container is told from root of this machine by them. */

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { peerCredentials } from 'sockcred';
import { formatDecision, rootOr } from 'sockcred/authorization';
import { identifyPeer, peerWitnesses } from 'sockcred/witnesses';
import { acceptFrom } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';
import { allow, decide, denied } from './support/witnessed.js';

const withNamespaces = { skip: needs('linux', 'root', 'cgroups', 'python3', 'setpriv', 'namespaces') };
const ROOT = { uid: 0, gid: 0, groups: [0] } as const;

test(
  'T71: root of a container without a user namespace is kept out by sameNamespaces, root of this machine is not',
  withNamespaces,
  async t => {
    const before = [programPath('unshare'), '--mount', '--pid', '--fork', '--kill-child'];
    const contained = (await acceptFrom(t, { ...ROOT, before })).socket;
    const root = (await acceptFrom(t, ROOT)).socket;
    const wanted = rootOr(0, { sameNamespaces: true, witnesses: peerWitnesses() });
    const anywhere = rootOr(0);
    const allowed = (socket: Socket, by: typeof wanted) => {
      const peer = peerCredentials(socket);
      return by.decide(peer, identifyPeer(peer, socket)).allowed;
    };
    assert.deepEqual([allowed(root, wanted), allowed(contained, wanted)], [true, false]);
    assert.deepEqual([allowed(root, anywhere), allowed(contained, anywhere)], [true, true], 'uid 0 is uid 0');
    assert.equal(denied(contained, { not: { sameNamespaces: true } }), 'denied');
  },
);

for (const [flag, kind] of [
  ['--mount', 'mnt'],
  ['--net', 'net'],
  ['--ipc', 'ipc'],
  ['--uts', 'uts'],
  ['--cgroup', 'cgroup'],
  ['--user', 'user'],
] as const) {
  test(`another ${kind} namespace is told apart, and only that one`, withNamespaces, async t => {
    const { socket } = await acceptFrom(t, { before: [programPath('unshare'), flag] });
    const shared = identifyPeer(peerCredentials(socket), socket).namespaces?.();
    assert.ok(shared?.known);
    const { [kind]: this_, ...rest } = shared.value;
    assert.equal(this_, false);
    for (const [name, same] of Object.entries(rest)) assert.equal(same, true, name);
  });
}

test(
  'a program without the right to look is told nothing about namespaces, and lets nobody in by them',
  withNamespaces,
  async t => {
    const { socket } = await acceptFrom(t, ROOT);
    process.seteuid?.(1235);
    try {
      const decision = decide(socket, allow({ sameNamespaces: true }));
      assert.equal(decision.tried[0]?.verdict, 'unknown');
      assert.match(formatDecision(decision), /right to trace/);
      assert.equal(denied(socket, { not: { sameNamespaces: true } }), 'deny-unknown');
      const peer = peerCredentials(socket);
      assert.equal(identifyPeer(peer, socket).alive?.().known, true, 'that it exists anybody may know');
    } finally {
      process.seteuid?.(0);
    }
  },
);
