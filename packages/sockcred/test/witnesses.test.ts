/** What policies are told of real processes: units, namespaces, applications, and what each is worth. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { peerCredentials } from 'sockcred';
import {
  type ConditionData,
  type Decision,
  definePolicy,
  type FactName,
  formatDecision,
  type PolicyData,
  type RuleData,
  rootOr,
} from 'sockcred/authorization';
import { requirePeer } from 'sockcred/clients';
import { runningProcess } from 'sockcred/process';
import { asIfConnected } from 'sockcred/testing';
import { identifyPeer, peerWitnesses } from 'sockcred/witnesses';
import { delegate, makeCgroup, move } from './support/cgroups.js';
import { dial, everything, openGate, until } from './support/gated.js';
import { openDescriptors } from './support/open-descriptors.js';
import { acceptFrom, connectScript, descriptorNumber, openDirectory, python } from './support/peers.js';
import { needs, programPath } from './support/requirements.js';
import { bubblewrapped, emptyRoot, SANDBOXED } from './support/sandboxes.js';

const onLinux = { skip: needs('linux', 'python3') };
const asRoot = { skip: needs('linux', 'root', 'cgroups', 'python3', 'setpriv') };
const withNamespaces = { skip: asRoot.skip || needs('namespaces') };
const inBubblewrap = { skip: needs('linux', 'root', 'bwrap', 'python3', 'setpriv') };

const USER = { uid: 1234, gid: 1234, groups: [] } as const;
const ROOT = { uid: 0, gid: 0, groups: [0] } as const;
const ID = '3f4e'.repeat(16);

function policy(...rules: readonly RuleData[]) {
  return definePolicy({ rules } as PolicyData, { witnesses: peerWitnesses() });
}

function decide(socket: Socket, ...rules: readonly RuleData[]): Decision {
  const peer = peerCredentials(socket, { side: 'accepted' });
  return policy(...rules).decide(peer, identifyPeer(peer, socket));
}

const allow = (condition: ConditionData, ...believeForgeable: readonly FactName[]): RuleData => ({
  effect: 'allow',
  ...condition,
  ...(believeForgeable.length === 0 ? {} : { believeForgeable }),
});

/** The verdict of the one rule there is. */
const verdict = (socket: Socket, rule: RuleData) => decide(socket, rule).tried[0]?.verdict;

/** Does a deny rule keep them out, if everybody else may come in? */
const denied = (socket: Socket, condition: ConditionData) =>
  decide(socket, { effect: 'deny', ...condition }, allow({ everyone: true })).reason;

async function inCgroup(t: TestContext, ...names: readonly string[]) {
  const cgroup = makeCgroup(t, ...names);
  const { socket, peer } = await acceptFrom(t, USER);
  move(peer.child.pid, cgroup);
  return socket;
}

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
    definePolicy({ rules: [allow({ unit: 'a' })] }, { witnesses: peerWitnesses() }).findings.length,
    0,
  );
});

test('a unit that root named lets its processes in, and nobody else', asRoot, async t => {
  const inside = await inCgroup(t, 'x.service');
  assert.equal(verdict(inside, allow({ unit: 'x.service' })), 'yes');
  assert.equal(verdict(inside, allow({ unit: 'y.service' })), 'no');
  assert.equal(verdict(inside, allow({ unit: 'x.servic' })), 'no');
  assert.equal(denied(inside, { unit: 'x.service' }), 'denied');
  const outside = (await acceptFrom(t, USER)).socket;
  assert.notEqual(verdict(outside, allow({ unit: 'x.service' })), 'yes');
  assert.equal(denied(outside, { unit: 'x.service' }), 'allowed');
});

test('that a peer is in no unit is never sure: it raises no trust by itself', asRoot, async t => {
  const { socket } = await acceptFrom(t, USER);
  const elsewhere = allow({ not: { unit: 'x.service' } });
  const told = identifyPeer(peerCredentials(socket), socket).unit?.();
  if (told?.known === true && told.value !== null) return t.skip('this machine puts the test into a unit');
  assert.equal(verdict(socket, elsewhere), 'unknown');
  assert.equal(verdict(socket, { ...elsewhere, believeForgeable: ['unit'] }), 'yes');
  assert.equal(denied(socket, { not: { unit: 'x.service' } }), 'deny-unknown');
});

test(
  'T52: a unit in a directory that was given to a user counts for nothing, unless a rule believes it',
  asRoot,
  async t => {
    const delegated = makeCgroup(t, 'deleg.slice');
    delegate(delegated, USER.uid);
    const script = `
hear()
fake = sys.argv[2] + '/backup.service'
os.mkdir(fake)
open(fake + '/cgroup.procs', 'w').write(str(os.getpid()))
say('moved')`;
    const { socket, peer } = await acceptFrom(t, { ...USER, script, more: [delegated] });
    move(peer.child.pid, delegated);
    peer.tell('go');
    assert.equal(await peer.line(), 'moved');
    const wary = decide(socket, allow({ unit: 'backup.service' }));
    assert.equal(wary.tried[0]?.verdict, 'unknown');
    assert.match(formatDecision(wary), /weak authority.*uid 1234/);
    assert.equal(verdict(socket, allow({ unit: 'backup.service' }, 'unit')), 'yes');
    assert.equal(denied(socket, { unit: 'backup.service' }), 'denied', 'to lower trust any claim will do');
    assert.equal(denied(socket, { not: { unit: 'backup.service' } }), 'deny-unknown');
  },
);

test('a user’s own unit is the user’s word, below the manager that root named', asRoot, async t => {
  const manager = makeCgroup(t, 'user@1234.service');
  delegate(manager, USER.uid);
  const script = `
hear()
own = sys.argv[2] + '/app-org.example.App-1.scope'
os.mkdir(own)
open(own + '/cgroup.procs', 'w').write(str(os.getpid()))
say('moved')`;
  const { socket, peer } = await acceptFrom(t, { ...USER, script, more: [manager] });
  move(peer.child.pid, manager);
  peer.tell('go');
  assert.equal(await peer.line(), 'moved');
  const own = { userUnit: 'app-org.example.App-1.scope' };
  assert.equal(verdict(socket, allow(own, 'userUnit')), 'yes');
  assert.equal(
    verdict(socket, allow({ unit: 'user@1234.service' })),
    'unknown',
    'the manager’s directory is the user’s',
  );
  assert.equal(denied(socket, own), 'denied');
});

test('of nested containers the outermost counts, which what is inside cannot name', asRoot, async t => {
  const socket = await inCgroup(t, `docker-${ID}.scope`, 'docker', '09ab'.repeat(16));
  assert.equal(verdict(socket, allow({ container: ID }, 'container')), 'yes');
  assert.equal(denied(socket, { container: ID }), 'denied');
});

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
    const root = emptyRoot(t);
    writeFileSync(
      join(root, '.flatpak-info'),
      '[Application]\nname=org.evil.Claims\n\n[Instance]\ninstance-id=42\n',
    );
    chownSync(join(root, '.flatpak-info'), SANDBOXED, SANDBOXED);
    const { socket } = await acceptFrom(t, { before: bubblewrapped(root) });
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
