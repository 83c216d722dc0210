/** What must hold of every policy and every peer, tried on many of each. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type ConditionData,
  compilePolicy,
  type Fact,
  type OtherWitnesses,
  type RuleData,
} from 'sockcred/authorization';
import { type MadeUp, madeUpPeer } from 'sockcred/testing';

const id = fc.integer({ min: 0, max: 3 });
const label = fc.constantFrom('a_t', 'b_t', 'ab_t');
const ids = fc.oneof(id, fc.array(id, { minLength: 1, maxLength: 2 }));
const some = <T extends object>(record: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(record, { requiredKeys: [] }).filter(value => Object.keys(value).length > 0);

const { condition } = fc.letrec<{ condition: ConditionData }>(tie => ({
  condition: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    some<ConditionData>({
      user: ids,
      group: ids,
      primaryGroup: ids,
      label: fc.oneof(label, fc.constant({ pattern: 'a.*' })),
      role: fc.constantFrom('connector' as const, 'listener' as const),
      alive: fc.constant(true as const),
      sameNamespaces: fc.constantFrom(true as const, ['mnt' as const]),
      unit: fc.constantFrom('a.service', { pattern: '(a|b)\\.service' }),
    }),
    fc.record({ everyone: fc.constant(true as const) }),
    fc.record({ not: tie('condition') }),
    fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ all: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: fc.array(tie('condition'), { minLength: 1, maxLength: 2 }) }),
  ),
}));

const rule: fc.Arbitrary<RuleData> = fc
  .tuple(fc.constantFrom('allow' as const, 'deny' as const), condition)
  .map(([effect, when]) => ({ effect, ...when }));
const rules = fc.array(rule, { maxLength: 5 });

/** Everything that can be known of a peer. */
interface Whole {
  readonly peer: Required<MadeUp>;
  readonly alive: boolean;
  readonly unit: string | null;
  readonly mnt: boolean;
}

const whole: fc.Arbitrary<Whole> = fc
  .record({
    uid: id,
    gid: id,
    more: fc.array(id, { maxLength: 2 }),
    label,
    role: fc.constantFrom('connector' as const, 'listener' as const),
    alive: fc.boolean(),
    unit: fc.constantFrom('a.service', 'b.service', 'c.service', null),
    mnt: fc.boolean(),
  })
  .map(({ uid, gid, more, label, role, alive, unit, mnt }) => ({
    peer: { uid, gid, pid: 1, groups: [gid, ...more], label, role },
    alive,
    unit,
    mnt,
  }));

const FIELDS = ['uid', 'gid', 'groups', 'label', 'alive', 'unit', 'namespaces'] as const;
const hidden = fc.subarray([...FIELDS]).map(list => new Set<string>(list));

/** The peer with some of what is known of it hidden. */
function seen(
  { peer, alive, unit, mnt }: Whole,
  without: ReadonlySet<string>,
  weak: ReadonlySet<string> = new Set(),
) {
  // Without its group no list of groups can be complete.
  const lacks = (field: string) => without.has(field) || (field === 'groups' && without.has('gid'));
  const facts = Object.fromEntries(Object.entries(peer).filter(([field]) => !lacks(field)));
  const made = madeUpPeer(facts);
  const tell = <T>(name: string, value: T): Fact<T> =>
    without.has(name)
      ? { known: false, reason: 'hidden', detail: 'not shown' }
      : { known: true, value, ...(weak.has(name) ? { forgeable: 'anybody' } : {}) };
  const others: OtherWitnesses = {
    alive: () => tell('alive', alive),
    unit: () => tell('unit', unit),
    namespaces: () => tell('namespaces', { user: true, pid: true, mnt }),
  };
  return { made, others };
}

function decide(list: readonly RuleData[], subject: Whole, without: ReadonlySet<string> = new Set()) {
  const { made, others } = seen(subject, without);
  return compilePolicy({ rules: list }, {}).decide(made, others);
}

const RUNS = { numRuns: 2000 };

test('T62: hiding facts never lets anybody in who would be kept out if all were known', () => {
  let fewer = 0;
  fc.assert(
    fc.property(rules, whole, hidden, (list, subject, without) => {
      const partly = decide(list, subject, without);
      if (partly.allowed) assert.ok(decide(list, subject).allowed);
      else if (decide(list, subject).allowed) fewer++;
    }),
    RUNS,
  );
  assert.ok(fewer > 0, 'hiding does keep some out');
});

test('T60: neither the order of rules nor one more allow rule brings back whom a deny rule keeps out', () => {
  fc.assert(
    fc.property(rules, whole, hidden, fc.integer(), rule, (list, subject, without, seed, more) => {
      const { allowed, reason } = decide(list, subject, without);
      const shuffled = list
        .map((entry, index) => ({ entry, key: Math.imul(seed ^ index, 0x9e3779b1) }))
        .sort((a, b) => a.key - b.key)
        .map(({ entry }) => entry);
      assert.equal(decide(shuffled, subject, without).allowed, allowed);
      if (reason === 'denied' || reason === 'deny-unknown') {
        const added = decide([{ ...more, effect: 'allow' }, ...list], subject, without);
        assert.equal(added.allowed, false);
      }
      if (!allowed) {
        const added = decide([{ ...more, effect: 'deny' }, ...list], subject, without);
        assert.equal(added.allowed, false);
      }
    }),
    RUNS,
  );
});

test('T62: no rule and its negation both hold, and of a peer that is wholly known exactly one does', () => {
  fc.assert(
    fc.property(condition, whole, hidden, (when, subject, without) => {
      const holds = (list: RuleData, hiding: ReadonlySet<string>) => decide([list], subject, hiding).allowed;
      const plain: RuleData = { effect: 'allow', ...when };
      const opposite: RuleData = { effect: 'allow', not: when };
      assert.ok(!(holds(plain, without) && holds(opposite, without)));
      assert.notEqual(holds(plain, new Set()), holds(opposite, new Set()));
    }),
    RUNS,
  );
});

test('T62: of a deny rule only a known no spares anybody', () => {
  fc.assert(
    fc.property(condition, whole, hidden, (when, subject, without) => {
      const deny: RuleData = { effect: 'deny', ...when };
      const everyone: RuleData = { effect: 'allow', everyone: true };
      const { allowed, tried } = decide([everyone, deny], subject, without);
      assert.equal(allowed, tried[0]?.verdict === 'no');
      assert.equal(allowed, decide([{ effect: 'allow', not: when }], subject, without).allowed);
    }),
    RUNS,
  );
});

test('the rule that decided is the last that was tried, and says so', () => {
  fc.assert(
    fc.property(rules, whole, hidden, (list, subject, without) => {
      const { allowed, reason, rule: deciding, tried, roles } = decide(list, subject, without);
      assert.equal(reason === 'allowed', allowed);
      assert.deepEqual(roles, []);
      if (reason === 'no-rule') assert.equal(tried.length, list.length);
      else assert.equal(deciding, tried.at(-1));
      for (const one of tried) assert.ok(one.because.length > 0);
    }),
    RUNS,
  );
});

test('T62: a claim of weak authority lets nobody in whom the same claim would not let in if it were strong', () => {
  let fewer = 0;
  fc.assert(
    fc.property(rules, whole, hidden, hidden, (list, subject, without, weak) => {
      const { made, others } = seen(subject, without, weak);
      const weakly = compilePolicy({ rules: list }, {}).decide(made, others).allowed;
      const strongly = decide(list, subject, without).allowed;
      if (weakly) assert.ok(strongly);
      else if (strongly) fewer++;
    }),
    RUNS,
  );
  assert.ok(fewer > 0, 'weakness does keep some out');
});

test('T62: with allow rules only, whoever is let in by what is strong is let in whatever they claim', () => {
  const allows = rules.map(list => list.map(entry => ({ ...entry, effect: 'allow' as const })));
  const claim = fc.record({
    unit: fc.constantFrom('a.service', 'b.service', null),
    alive: fc.boolean(),
    mnt: fc.boolean(),
  });
  const claimed = new Set(['unit', 'alive', 'namespaces']);
  fc.assert(
    fc.property(allows, whole, claim, (list, subject, other) => {
      const by = (who: Whole) => {
        const { made, others } = seen(who, new Set(), claimed);
        return compilePolicy({ rules: list }, {}).decide(made, others).allowed;
      };
      assert.equal(by(subject), by({ ...subject, ...other }));
    }),
    RUNS,
  );
});
