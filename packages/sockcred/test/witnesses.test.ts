/** What policies are told of real processes: that they live, their applications, and what each is worth. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { peerCredentials } from 'sockcred';
import { definePolicy } from 'sockcred/authorization';
import { requirePeer } from 'sockcred/clients';
import { runningProcess } from 'sockcred/process';
import { asIfConnected } from 'sockcred/testing';
import { identifyPeer, peerWitnesses } from 'sockcred/witnesses';
import { makeCgroup, move } from './support/cgroups.js';
import { openDirectory } from './support/directories.js';
import { dial, everything, openGate } from './support/gated.js';
import { openDescriptors } from './support/open-descriptors.js';
import { acceptFrom, connectScript, descriptorNumber, python, USER } from './support/peers.js';
import { needs } from './support/requirements.js';
import { bubblewrapped, emptyRoot, rootWithClaims } from './support/sandboxes.js';
import { until } from './support/waiting.js';
import { allow, denied, policy, verdict } from './support/witnessed.js';

const onLinux = { skip: needs('linux', 'python3') };
const asRoot = { skip: needs('linux', 'root', 'cgroups', 'python3', 'setpriv') };
const inBubblewrap = { skip: needs('linux', 'root', 'bwrap', 'python3', 'setpriv') };

test('every fact that is promised can be told of an ordinary peer, by root', asRoot, async t => {
  const { socket, peer } = await acceptFrom(t, USER);
  const others = identifyPeer(peerCredentials(socket), socket);
  assert.deepEqual(Object.keys(others).sort(), [...peerWitnesses()].sort());
  for (const name of peerWitnesses()) {
    const fact = others[name]?.();
    assert.equal(fact?.known, true, `${name}: ${JSON.stringify(fact)}`);
  }
  const process = others.process?.();
  assert.equal(process?.known === true && process.value, peer.child.pid);
  assert.equal(
    definePolicy({ rules: [allow({ unit: 'a', sameNamespaces: true })] }, { witnesses: peerWitnesses() })
      .findings.length,
    0,
  );
});

test('alive: the process that connected, not whoever writes', onLinux, async t => {
  const { socket, peer } = await acceptFrom(t);
  assert.equal(verdict(socket, allow({ alive: true })), 'yes');
  peer.child.kill('SIGKILL');
  await peer.exited;
  assert.equal(verdict(socket, allow({ alive: true })), 'no');
  const others = identifyPeer(peerCredentials(socket), socket);
  for (const name of ['process', 'namespaces', 'unit', 'container', 'application'] as const) {
    const fact = others[name]?.();
    assert.ok(fact?.known === false && fact.reason === 'gone', `${name}: ${JSON.stringify(fact)}`);
  }
});

test(
  'T55: an application that says so itself counts where a rule believes it, and against it always',
  inBubblewrap,
  async t => {
    const { socket } = await acceptFrom(t, { before: bubblewrapped(rootWithClaims(t)) });
    const claimed = { application: 'org.evil.Claims' };
    assert.throws(() => policy(allow(claimed)), /believeForgeable/);
    assert.equal(verdict(socket, allow(claimed, 'application')), 'yes');
    assert.equal(denied(socket, claimed), 'denied');
    assert.equal(denied(socket, { not: { sameNamespaces: ['mnt'] } }), 'denied');
  },
);

test(
  'T53: a detector that fails leaves the application unknown, which is not none',
  inBubblewrap,
  async t => {
    const root = emptyRoot(t);
    assert.equal(spawnSync('/usr/bin/mkfifo', [join(root, '.flatpak-info')]).status, 0);
    const { socket } = await acceptFrom(t, { before: bubblewrapped(root) });
    assert.equal(denied(socket, { application: 'org.evil.Claims' }), 'deny-unknown');
    assert.equal(verdict(socket, allow({ not: { application: 'x' } }, 'application')), 'unknown');
    const host = (await acceptFrom(t, USER)).socket;
    assert.equal(denied(host, { application: 'org.evil.Claims' }), 'allowed');
  },
);

test('a gate asks by identifyPeer, for live sockets and before a byte is read', asRoot, async t => {
  const cgroup = makeCgroup(t, 'x.service');
  const authorize = policy(allow({ unit: 'x.service' }));
  const options = { authorize, identify: identifyPeer };
  const { path } = await openGate(t, (socket: Socket) => socket.end('welcome'), options);
  assert.equal(await everything(await dial(t, path)), '');
  const script = `
hear()
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
say(s.recv(100).decode() or 'nothing')
hear()`;
  const peer = python(t, script, { ...USER, args: [path] });
  move(peer.child.pid, cgroup);
  peer.tell('go');
  assert.equal(await peer.line(), 'welcome');
});

test('what no rule needs is not asked', onLinux, async t => {
  let asked = 0;
  const identify: typeof identifyPeer = (peer, source) => {
    const others = identifyPeer(peer, source);
    const counted = Object.entries(others).map(([name, ask]) => [
      name,
      () => {
        asked++;
        return (ask as () => unknown)();
      },
    ]);
    return Object.fromEntries(counted);
  };
  const { socket } = await acceptFrom(t);
  const peer = peerCredentials(socket);
  const nobody = { user: 4_000_000 };
  const decision = policy(
    allow({ ...nobody, unit: 'a' }),
    allow({ any: [{ everyone: true }, { alive: true }] }),
  );
  assert.equal(decision.decide(peer, identify(peer, socket)).allowed, true);
  assert.equal(asked, 0);
});

test('T66: a thousand decisions about processes leave no descriptor open', onLinux, async t => {
  const { socket, peer } = await acceptFrom(t);
  const rule = allow(
    { alive: true, sameNamespaces: true, unit: 'a', not: { container: 'x', application: 'x' } },
    'unit',
    'container',
    'application',
  );
  const rules = policy(rule, {
    ...rule,
    userUnit: 'b',
    believeForgeable: ['unit', 'userUnit', 'container', 'application'],
  });
  const credentials = peerCredentials(socket);
  const before = openDescriptors();
  const ask = () => {
    for (let index = 0; index < 500; index++)
      rules.decide(credentials, identifyPeer(credentials, descriptorNumber(socket)));
    assert.ok(openDescriptors() <= before);
  };
  ask();
  peer.child.kill('SIGKILL');
  await peer.exited;
  ask();
  socket.destroy();
  await until(() => socket.closed);
  const closed = identifyPeer(credentials, socket).alive?.();
  assert.ok(closed?.known === false && closed.reason === 'gone');
});

test('a process as if it connected: its facts are those that its connection has', asRoot, async t => {
  const cgroup = makeCgroup(t, 'x.service');
  const { socket, peer } = await acceptFrom(t, { uid: 1234, gid: 1235, groups: [27] });
  move(peer.child.pid, cgroup);
  const held = runningProcess(peer.child.pid ?? 0);
  t.after(() => held.close());
  const supposed = asIfConnected(held);
  const real = peerCredentials(socket);
  assert.deepEqual(
    [supposed.peer.uid, supposed.peer.gid, supposed.peer.groups, supposed.peer.role],
    [real.uid, real.gid, real.groups, real.role],
  );
  assert.equal(supposed.peer.label, undefined);
  const others = identifyPeer(real, socket);
  for (const name of peerWitnesses().filter(name => name !== 'process')) {
    assert.deepEqual(supposed.others[name]?.(), others[name]?.(), name);
  }
  assert.equal(policy(allow({ unit: 'x.service' })).decide(supposed.peer, supposed.others).allowed, true);
});

test(
  'a peer that connects and is gone at once is decided about, and never by another’s facts',
  onLinux,
  async t => {
    const seen: string[] = [];
    const { path } = await openGate(t, (socket: Socket) => socket.destroy(), {
      authorize: {
        facts: new Set(['alive']),
        findings: [],
        decide(_, others) {
          const fact = others?.unit?.();
          seen.push(fact?.known === true ? 'known' : (fact?.reason ?? 'none'));
          return policy().decide(_ as never);
        },
      },
      identify: identifyPeer,
    });
    const script = connectScript().replace('hear()', 's.close()');
    const ended = await Promise.all(
      Array.from({ length: 4 }, () => python(t, script, { args: [path] }).exited),
    );
    assert.deepEqual(ended, [0, 0, 0, 0]);
    await until(() => seen.length === 4);
    for (const outcome of seen) assert.ok(['known', 'gone', 'raced'].includes(outcome), outcome);
  },
);

test('a client can want the unit of the server that it talks to', asRoot, async t => {
  const cgroup = makeCgroup(t, 'x.service');
  const path = join(openDirectory(t), 's');
  const script = `
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
say('listening')
hear()`;
  const server = python(t, script, { ...USER, args: [path] });
  await server.line();
  move(server.child.pid, cgroup);
  const wanting = (unit: string) => {
    const socket = requirePeer(connect(path), policy(allow({ unit, user: USER.uid })));
    t.after(() => socket.destroy());
    // The server ends first, with the test.
    socket.on('error', () => {});
    return once(socket, 'connect');
  };
  await wanting('x.service');
  await assert.rejects(wanting('y.service'), { code: 'ERR_PEER_REFUSED' });
});
