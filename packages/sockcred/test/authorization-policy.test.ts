/** Policies: who is let in, who is not, and why. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose, recordedPeer } from 'sockcred';
import {
  compilePolicy,
  type Decision,
  definePolicy,
  formatDecision,
  type OtherWitnesses,
  onlyChildren,
  type PolicyData,
  type RuleData,
  rootOr,
  sameUserOnly,
  systemNames,
} from 'sockcred/authorization';
import { madeUpPeer } from 'sockcred/testing';
import { unknownPeer } from './support/records.js';

const NAMES = {
  user: (name: string) => ({ root: 0, alice: 1000, bob: 1001 })[name],
  group: (name: string) => ({ wheel: 10, staff: 50 })[name],
};

const nobodyKnown = recordedPeer(unknownPeer);
const alice = madeUpPeer({ uid: 1000, groups: [1000, 50], label: 'web_t' });
const bob = madeUpPeer({ uid: 1001, gid: 1001 });

function policy(...rules: readonly RuleData[]) {
  return compilePolicy({ rules }, { names: NAMES, ownUid: 1000 });
}

function outcome({ allowed, reason, rule }: Decision) {
  return { allowed, reason, rule: rule?.index };
}

test('nobody is let in whom no rule names', () => {
  assert.deepEqual(outcome(policy().decide(alice)), { allowed: false, reason: 'no-rule', rule: undefined });
  const decision = policy({ effect: 'allow', user: 'alice' }).decide(bob);
  assert.deepEqual(outcome(decision), { allowed: false, reason: 'no-rule', rule: undefined });
  assert.match(formatDecision(decision), /rules\[0\]\.user: no: uid is 1001, not 1000/);
});

test('T60: deny beats allow, whatever the order', () => {
  const allow: RuleData = { effect: 'allow', everyone: true };
  const deny: RuleData = { effect: 'deny', name: 'no alice', user: 'alice' };
  assert.deepEqual(outcome(policy(allow, deny).decide(alice)), { allowed: false, reason: 'denied', rule: 1 });
  assert.deepEqual(outcome(policy(deny, allow).decide(alice)), { allowed: false, reason: 'denied', rule: 0 });
  assert.equal(policy(allow, deny).decide(bob).allowed, true);
  assert.match(formatDecision(policy(deny, allow).decide(alice)), /^denied by deny rule 0 'no alice'\n/);
});

test('T62: an unknown fact satisfies no rule, and its negation neither', () => {
  const conditions: readonly Omit<RuleData, 'effect'>[] = [
    { user: 0 },
    { not: { user: 0 } },
    { group: 10 },
    { not: { group: 10 } },
    { primaryGroup: 10 },
    { not: { primaryGroup: 10 } },
    { label: 'web_t' },
    { not: { label: 'web_t' } },
    { role: 'connector' },
    { not: { role: ['listener', 'creator'] } },
    { not: { not: { user: 0 } } },
    { any: [{ user: 0 }, { not: { user: 0 } }] },
    { alive: true },
    { not: { alive: true } },
    { sameNamespaces: true },
    { not: { sameNamespaces: true } },
    { unit: 'a.service' },
    { not: { unit: 'a.service' } },
  ];
  for (const condition of conditions) {
    const decision = policy({ effect: 'allow', ...condition }).decide(nobodyKnown);
    assert.equal(decision.allowed, false, JSON.stringify(condition));
    assert.equal(decision.tried[0]?.verdict, 'unknown', JSON.stringify(condition));
    assert.match(formatDecision(decision), /unknown: \w+ is unknown: /);
  }
});

test('T62: a deny rule that cannot be evaluated denies', () => {
  const decision = policy({ effect: 'deny', label: 'bad_t' }, { effect: 'allow', user: 1001 }).decide(bob);
  assert.deepEqual(outcome(decision), { allowed: false, reason: 'deny-unknown', rule: 0 });
  const spared = policy({ effect: 'deny', user: 1000, label: 'bad_t' }, { effect: 'allow', user: 1001 });
  assert.equal(spared.decide(bob).allowed, true, 'a known no settles it whatever the label is');
});

test('groups: primary, supplementary, and unknown unless the primary settles it', () => {
  const staff = policy({ effect: 'allow', group: 'staff' });
  assert.equal(staff.decide(alice).allowed, true);
  assert.equal(staff.decide(madeUpPeer({ uid: 1, gid: 50 })).allowed, true);
  assert.equal(staff.decide(bob).tried[0]?.verdict, 'unknown');
  assert.equal(staff.decide(madeUpPeer({ uid: 1, groups: [1, 2] })).tried[0]?.verdict, 'no');
  const primary = policy({ effect: 'allow', primaryGroup: 50 });
  assert.equal(primary.decide(alice).allowed, false);
});

test('T61: a pattern has to fit all of a text', () => {
  const web = policy({ effect: 'allow', label: { pattern: 'web_t|app_[a-z]+' } });
  const labelled = (label: string) => web.decide(madeUpPeer({ uid: 1, label })).allowed;
  assert.ok(labelled('web_t') && labelled('app_x'));
  for (const label of ['xweb_t', 'web_tx', 'evil app_x', 'web_t\n', 'app_x\nweb_t', 'app_']) {
    assert.ok(!labelled(label), JSON.stringify(label));
  }
});

test('maps give local roles, with what a pattern matched', () => {
  const data: PolicyData = {
    rules: [{ effect: 'allow', everyone: true, map: 'staff' }],
    maps: {
      staff: [
        { user: 'alice', as: ['admin', 'reader'] },
        { label: { pattern: 'svc_([a-z]+)_t(x)?' }, as: ['service-\\1', 'odd-\\2'] },
      ],
    },
  };
  const mapped = compilePolicy(data, { names: NAMES });
  assert.deepEqual(mapped.decide(alice).roles, ['admin', 'reader']);
  assert.deepEqual(mapped.decide(madeUpPeer({ uid: 5, label: 'svc_mail_t' })).roles, ['service-mail']);
  const stranger = mapped.decide(madeUpPeer({ uid: 5, label: 'other' }));
  assert.deepEqual([stranger.allowed, stranger.roles], [false, []]);
  const unlabelled = mapped.decide(madeUpPeer({ uid: 5 }));
  assert.deepEqual([unlabelled.allowed, unlabelled.roles], [false, []], 'an unknown label maps to nothing');
});

test('T65: text that a peer shaped adds no line to an explanation', () => {
  const decision = policy({ effect: 'allow', label: 'x' }).decide(
    madeUpPeer({ uid: 1, label: 'y\nallowed by allow rule 0\x1b[31m' }),
  );
  assert.equal(formatDecision(decision).split('\n').length, 3);
  assert.ok(!formatDecision(decision).includes('\x1b'));
});

test('a witness that fails has told nothing, and is asked once', () => {
  let calls = 0;
  const failing: OtherWitnesses = {
    alive: () => {
      calls++;
      throw new Error('out\nof order');
    },
  };
  const rules = policy({ effect: 'allow', alive: true }, { effect: 'allow', not: { alive: true } });
  const decision = rules.decide(alice, failing);
  assert.equal(decision.allowed, false);
  assert.equal(calls, 1);
  assert.match(formatDecision(decision), /the witness failed: out\\nof order/);
});

test('no other witness is heard about what the credentials tell', () => {
  const liar = { uid: () => ({ known: true, value: 0 }) } as unknown as OtherWitnesses;
  assert.equal(policy({ effect: 'allow', user: 0 }).decide(bob, liar).allowed, false);
  assert.equal(policy({ effect: 'allow', user: 0 }).decide(nobodyKnown, liar).allowed, false);
});

test('a claim that says it can be made up raises no trust unless the rule says so', () => {
  const unit: OtherWitnesses = {
    unit: () => ({ known: true, value: 'a.service', forgeable: 'the manager let the user name it' }),
  };
  const wary = policy({ effect: 'allow', unit: 'a.service' });
  assert.equal(wary.decide(alice, unit).tried[0]?.verdict, 'unknown');
  const trusting = policy({ effect: 'allow', unit: 'a.service', believeForgeable: ['unit'] });
  assert.equal(trusting.decide(alice, unit).allowed, true);
  const lowering = policy({ effect: 'deny', unit: 'a.service' }, { effect: 'allow', everyone: true });
  assert.equal(lowering.decide(alice, unit).reason, 'denied', 'to lower trust any claim will do');
});

test('T71: root of other namespaces is kept out where namespaces can be told', () => {
  const rules = policy({ effect: 'allow', user: 'root', sameNamespaces: true });
  const root = madeUpPeer({ uid: 0, groups: [0] });
  const shared = (mnt: boolean | undefined): OtherWitnesses => ({
    namespaces: () => ({
      known: true,
      value: { user: true, pid: true, ...(mnt === undefined ? {} : { mnt }) },
    }),
  });
  assert.equal(rules.decide(root, shared(true)).allowed, true);
  assert.equal(rules.decide(root, shared(false)).allowed, false);
  assert.equal(rules.decide(root, shared(undefined)).tried[0]?.verdict, 'unknown');
  assert.equal(rules.decide(root).allowed, false);
});

const codesOf = (...rules: readonly RuleData[]) => policy(...rules).findings.map(({ code }) => code);

test('T71: whom root of a container can be is reported when the policy is loaded, once', () => {
  const conditions = [
    { everyone: true },
    { user: ['alice', 'root'] },
    { user: 'alice' },
    { group: ['staff', 0] },
    { primaryGroup: 'staff' },
    { not: { user: 'root' } },
    { user: 'root', group: 'staff' },
  ] as const;
  for (const condition of conditions)
    assert.deepEqual(codesOf({ effect: 'allow', ...condition }), ['root-of-any-namespace']);
  const allow = { effect: 'allow', user: 'alice' } as const;
  const { findings } = policy({ effect: 'allow', user: 0, sameNamespaces: true }, allow, allow);
  assert.deepEqual(
    findings.map(({ path }) => path),
    ['rules[1]'],
  );
  assert.match(findings[0]?.message ?? '', /let in by rules\[1\], rules\[2\];/);
  assert.deepEqual(codesOf({ effect: 'allow', everyone: true, sameNamespaces: true }), []);
  assert.deepEqual(codesOf({ effect: 'deny', user: 'root' }), []);
});

test('T71: only a condition that keeps root of a container out silences the report', () => {
  const root: RuleData = { effect: 'allow', user: 'root' };
  const [said] = codesOf(root);
  assert.deepEqual(
    codesOf({ ...root, sameNamespaces: ['net', 'pid'] }),
    [said],
    'containers may share these',
  );
  assert.deepEqual(codesOf({ ...root, sameNamespaces: ['mnt'] }), []);
  assert.deepEqual(codesOf({ effect: 'allow', any: [{ user: 0 }, { sameNamespaces: true }] }), [said]);
  const any = (...user: readonly number[]) => ({
    any: user.map(id => ({ user: id, sameNamespaces: true }) as const),
  });
  assert.deepEqual(codesOf({ effect: 'allow', ...any(0, 5) }), []);
  assert.deepEqual(codesOf({ ...root, not: { sameNamespaces: true } }), [said]);
  assert.deepEqual(codesOf(root, { effect: 'deny', not: { sameNamespaces: true } }), [], 'denied for all');
  assert.deepEqual(codesOf(root, { effect: 'deny', unit: 'x' }), [said], 'root need not be in that unit');
});

test('T71: a map that gives root of a container no role keeps it out', () => {
  const found = (rule: Partial<RuleData>, more: object = {}) =>
    compilePolicy(
      {
        rules: [{ effect: 'allow', everyone: true, map: 'm', ...rule }],
        maps: { m: [{ user: 'root', as: 'admin', ...more }] },
      },
      { names: NAMES },
    ).findings.map(({ path }) => path);
  assert.deepEqual(found({}), ['rules[0]']);
  assert.deepEqual(found({ sameNamespaces: true }), []);
  assert.deepEqual(found({}, { sameNamespaces: true }), []);
});

test('T71: rootOr() and sameUserOnly() recommend the same namespaces, and can want them', () => {
  const codes = (...policies: readonly { readonly findings: readonly { readonly code: string }[] }[]) =>
    policies.map(({ findings }) => findings.map(({ code }) => code).join());
  const same = { sameNamespaces: true, witnesses: ['namespaces'] } as const;
  assert.deepEqual(codes(rootOr(27), rootOr(27, same)), ['root-of-any-namespace', '']);
  assert.deepEqual(codes(sameUserOnly(), sameUserOnly(same)), ['root-of-any-namespace', '']);
  const child = { pid: process.pid, exitCode: null, signalCode: null };
  assert.ok(!codes(onlyChildren(child)).join().includes('root'), 'it is no child of ours');
  const root = madeUpPeer({ uid: 0, groups: [0] });
  const inContainer: OtherWitnesses = {
    namespaces: () => ({ known: true, value: { user: true, pid: false, mnt: false } }),
  };
  assert.equal(rootOr(27).decide(root, inContainer).allowed, true);
  for (const group of [27, 0]) assert.equal(rootOr(group, same).decide(root, inContainer).allowed, false);
});

test('deny rules that subordinate ids get around are reported, once', () => {
  const evaded = (...rules: readonly RuleData[]) =>
    policy(...rules)
      .findings.filter(({ code }) => code === 'deny-evaded')
      .map(({ path }) => path);
  const everyone: RuleData = { effect: 'allow', everyone: true };
  const deny = (condition: Partial<RuleData>): RuleData => ({ effect: 'deny', ...condition });
  assert.deepEqual(evaded(everyone, deny({ user: 'alice' }), deny({ group: 'staff' })), ['rules[1]']);
  assert.deepEqual(evaded({ effect: 'allow', unit: 'x' }, deny({ group: 'staff' })), ['rules[1]']);
  assert.deepEqual(evaded({ effect: 'allow', user: 'alice' }, deny({ group: 'staff' })), ['rules[1]']);
  // Who drops all groups is not in the allowed one either.
  assert.deepEqual(evaded({ effect: 'allow', group: 'staff' }, deny({ group: 'wheel' })), []);
  assert.deepEqual(evaded({ effect: 'allow', user: 'alice' }, deny({ user: 'bob' })), []);
  assert.deepEqual(evaded(everyone, deny({ not: { user: 'alice' } })), [], 'whom it does not name it denies');
  const user = deny({ not: { sameNamespaces: ['user'] } });
  assert.deepEqual(evaded(everyone, deny({ group: 'staff' }), user), [], 'set-group-ID adds no groups');
  assert.deepEqual(
    evaded(everyone, deny({ user: 'alice' }), user),
    ['rules[1]'],
    'set-user-ID needs no namespace',
  );
  assert.deepEqual(evaded(everyone, deny({ label: 'x' })), []);
});

test('a map that no rule uses is reported', () => {
  const entries = [{ everyone: true, as: 'reader' }];
  const { findings } = compilePolicy(
    {
      rules: [{ effect: 'allow', everyone: true, sameNamespaces: true, map: 'used' }],
      maps: { used: entries, 'un used': entries },
    },
    {},
  );
  assert.deepEqual(
    findings.map(({ code, path }) => ({ code, path })),
    [{ code: 'map-unused', path: 'maps."un used"' }],
  );
});

test('facts that are never known here are reported when the policy is loaded', () => {
  const data: PolicyData = {
    rules: [
      { effect: 'deny', not: { alive: true } },
      { effect: 'allow', unit: 'a.service', sameNamespaces: true },
      { effect: 'allow', user: 1000, sameNamespaces: true },
    ],
  };
  const { findings } = definePolicy(data, { witnesses: ['namespaces'] });
  assert.deepEqual(
    findings.map(({ code, path, fact }) => ({ code, path, fact })),
    [
      { code: 'deny-never-known', path: 'rules[0]', fact: 'alive' },
      { code: 'allow-never-known', path: 'rules[1]', fact: 'unit' },
    ],
  );
  assert.deepEqual(definePolicy(data, { witnesses: ['alive', 'unit', 'namespaces'] }).findings, []);
});

test('a label is reported as never known exactly where this kernel gives us none', async () => {
  const { mechanisms } = await diagnose();
  const labels = mechanisms.find(({ gives }) => gives === 'security label');
  const { findings } = definePolicy({ rules: [{ effect: 'deny', label: 'evil' }] });
  assert.deepEqual(
    findings.map(({ code, path, fact }) => ({ code, path, fact })),
    labels?.state === 'works' ? [] : [{ code: 'deny-never-known', path: 'rules[0]', fact: 'label' }],
  );
});

test('T63: where a system tells nothing, no ready-made policy lets anybody in', () => {
  const child = { pid: process.pid, exitCode: null, signalCode: null };
  for (const ready of [sameUserOnly(), rootOr(0), onlyChildren(child), onlyChildren()]) {
    assert.equal(ready.decide(nobodyKnown).allowed, false);
  }
});

test('sameUserOnly() and rootOr()', () => {
  const me = process.geteuid?.() ?? -1;
  assert.equal(sameUserOnly().decide(madeUpPeer({ uid: me })).allowed, true);
  assert.equal(sameUserOnly().decide(madeUpPeer({ uid: me + 1, groups: [me] })).allowed, false);
  const ready = rootOr(27);
  assert.equal(ready.decide(madeUpPeer({ uid: 0 })).allowed, true);
  assert.equal(ready.decide(madeUpPeer({ uid: 5, groups: [5, 27] })).allowed, true);
  assert.equal(ready.decide(madeUpPeer({ uid: 5, groups: [5] })).allowed, false);
  assert.equal(systemNames().user('root'), 0);
  assert.equal(systemNames().user('no such user'), undefined);
  assert.equal(systemNames().group('root\n'), undefined);
});

test('decisions are plain frozen data', () => {
  const decision = policy({ effect: 'allow', user: 'alice' }).decide(alice);
  assert.deepEqual(structuredClone(decision), decision);
  assert.ok(Object.isFrozen(decision) && Object.isFrozen(decision.tried[0]?.because[0]));
});

test('what is in no unit, application or container is in none of those that are asked about', () => {
  const none: OtherWitnesses = { unit: () => ({ known: true, value: null }) };
  for (const wanted of ['null', { pattern: '.*' }]) {
    const decision = policy({ effect: 'allow', unit: wanted }).decide(alice, none);
    assert.equal(decision.tried[0]?.verdict, 'no');
    assert.match(formatDecision(decision), /there is no unit/);
  }
  assert.equal(policy({ effect: 'allow', not: { unit: 'a' } }).decide(alice, none).allowed, true);
});

test('T61: a role that is captured from a claim of weak authority needs the same words as the condition', () => {
  const weak: OtherWitnesses = {
    unit: () => ({ known: true, value: 'x-root.service', forgeable: 'anybody' }),
  };
  const role = (believeForgeable: readonly 'unit'[] | undefined) => {
    const any = [{ unit: { pattern: 'x-(.*)\\.service' } }, { user: 1000 }];
    const entry = { any, as: ['\\1'], ...(believeForgeable === undefined ? {} : { believeForgeable }) };
    const data = { rules: [{ effect: 'allow', everyone: true, map: 'm' }], maps: { m: [entry] } };
    return compilePolicy(data, {}).decide(alice, weak).roles;
  };
  assert.deepEqual(role(undefined), [], 'the entry holds, and the role is not the claimant’s to choose');
  assert.deepEqual(role(['unit']), ['root']);
});
