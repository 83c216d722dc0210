/** T59: a policy with anything wrong in it is refused as a whole, with the path to each fault. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePolicy, type Policy, PolicyError } from 'sockcred/authorization';

const NAMES = { user: () => undefined, group: (name: string) => (name === 'bad' ? -1 : undefined) };

function faultsOf(data: unknown): readonly string[] {
  try {
    compilePolicy(data, { names: NAMES });
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return error.faults.map(({ code, path }) => `${code} ${path}`);
  }
  return [];
}

const allow = { effect: 'allow' };

const CASES: readonly (readonly [unknown, ...string[]])[] = [
  [null, 'type policy'],
  [[], 'type policy'],
  [{}, 'missing rules'],
  [{ rules: {} }, 'type rules'],
  [{ rules: [allow] }, 'empty rules[0]'],
  [{ rules: [{ user: 1 }] }, 'missing rules[0].effect'],
  [{ rules: [{ effect: 'permit', user: 1 }] }, 'type rules[0].effect'],
  [{ rules: [{ ...allow, user: 1 }], rule: [] }, 'unknown-property rule'],
  [{ rules: [{ ...allow, user: 1, usr: 2 }] }, 'unknown-property rules[0].usr'],
  [{ rules: [{ ...allow, user: 'ghost' }] }, 'name rules[0].user'],
  [{ rules: [{ ...allow, user: [1, 'ghost'] }] }, 'name rules[0].user[1]'],
  [{ rules: [{ ...allow, group: 'bad' }] }, 'name rules[0].group'],
  [{ rules: [{ ...allow, user: '0' }] }, 'type rules[0].user'],
  [{ rules: [{ ...allow, user: -1 }] }, 'type rules[0].user'],
  [{ rules: [{ ...allow, user: 4294967295 }] }, 'type rules[0].user'],
  [{ rules: [{ ...allow, user: 1.5 }] }, 'type rules[0].user'],
  [{ rules: [{ ...allow, user: null }] }, 'type rules[0].user'],
  [{ rules: [{ ...allow, user: undefined }] }, 'type rules[0].user'],
  [{ rules: [{ ...allow, user: [] }] }, 'empty rules[0].user'],
  // biome-ignore lint/suspicious/noSparseArray: a hole must not be passed over
  [{ rules: [{ ...allow, user: [1, , 2] }] }, 'type rules[0].user[1]'],
  [{ rules: [{ ...allow, everyone: false }] }, 'type rules[0].everyone'],
  [{ rules: [{ ...allow, sameUser: true }] }, 'name rules[0].sameUser'],
  [{ rules: [{ ...allow, label: '' }] }, 'empty rules[0].label'],
  [{ rules: [{ ...allow, label: { pattern: '(' } }] }, 'pattern rules[0].label.pattern'],
  [{ rules: [{ ...allow, label: { pattern: 'a)|(b' } }] }, 'pattern rules[0].label.pattern'],
  [{ rules: [{ ...allow, label: { pattern: 'a', flags: 'i' } }] }, 'unknown-property rules[0].label.flags'],
  [{ rules: [{ ...allow, role: 'root' }] }, 'type rules[0].role'],
  [{ rules: [{ ...allow, child: 'worker' }] }, 'reference rules[0].child'],
  [{ rules: [{ ...allow, child: '__proto__' }] }, 'reference rules[0].child'],
  [{ rules: [{ ...allow, sameNamespaces: ['mount'] }] }, 'type rules[0].sameNamespaces[0]'],
  [{ rules: [{ ...allow, not: {} }] }, 'empty rules[0].not'],
  [{ rules: [{ ...allow, not: [{ user: 1 }, {}] }] }, 'empty rules[0].not[1]'],
  [{ rules: [{ ...allow, any: [] }] }, 'empty rules[0].any'],
  [{ rules: [{ ...allow, any: { user: 1 } }] }, 'type rules[0].any'],
  [{ rules: [{ ...allow, not: { effect: 'allow', user: 1 } }] }, 'unknown-property rules[0].not.effect'],
  [{ rules: [{ ...allow, user: 1, map: 'm' }] }, 'reference rules[0].map'],
  [
    { rules: [{ effect: 'deny', user: 1, map: 'm' }], maps: { m: [{ user: 1, as: 'x' }] } },
    'contradiction rules[0].map',
  ],
  [{ rules: [], maps: { m: [] } }, 'empty maps.m'],
  [{ rules: [], maps: { m: [{ user: 1 }] } }, 'missing maps.m[0].as'],
  [{ rules: [], maps: { 'a b': [{ user: 1 }] } }, 'missing maps."a b"[0].as'],
  [{ rules: [{ ...allow, application: 'org.x' }] }, 'forgeable rules[0].application'],
  [{ rules: [{ ...allow, not: { application: 'org.x' } }] }, 'forgeable rules[0].not.application'],
  [{ rules: [{ effect: 'deny', not: { userUnit: 'a' } }] }, 'forgeable rules[0].not.userUnit'],
  [{ rules: [], maps: { m: [{ container: 'x', as: 'r' }] } }, 'forgeable maps.m[0].container'],
  [{ rules: [{ ...allow, user: 1, believeForgeable: ['app'] }] }, 'type rules[0].believeForgeable[0]'],
  [{ rules: [{ effect: 'x' }, 5] }, 'type rules[0].effect', 'empty rules[0]', 'type rules[1]'],
];

test('T59: every fault is told with its path, and nothing of the policy is in force', () => {
  for (const [data, ...expected] of CASES) assert.deepEqual(faultsOf(data), expected, JSON.stringify(data));
});

test('claims that can be made up may lower trust, and may raise it where a rule says so', () => {
  assert.deepEqual(faultsOf({ rules: [{ effect: 'deny', application: 'org.x' }] }), []);
  assert.deepEqual(faultsOf({ rules: [{ effect: 'deny', not: { not: { application: 'x' } } }] }), []);
  const said = { ...allow, application: 'org.x', believeForgeable: ['application'] };
  assert.deepEqual(faultsOf({ rules: [said] }), []);
});

test('T61: a role that refers to a group which its pattern does not have is an error', () => {
  const entry = (label: unknown, as: unknown) => faultsOf({ rules: [], maps: { m: [{ label, as }] } });
  assert.deepEqual(entry({ pattern: 'a(.)' }, 'r\\1'), []);
  assert.deepEqual(entry({ pattern: 'a(.)' }, 'r\\2'), ['capture maps.m[0].as']);
  assert.deepEqual(entry({ pattern: 'a(?:.)' }, 'r\\1'), ['capture maps.m[0].as']);
  assert.deepEqual(entry({ pattern: 'a(.)' }, 'r\\0'), ['capture maps.m[0].as']);
  assert.deepEqual(entry('a', ['plain', 'r\\1']), ['capture maps.m[0].as[1]']);
  assert.deepEqual(entry([{ pattern: 'a(.)' }, { pattern: '(b)' }], 'r\\1'), ['capture maps.m[0].as']);
});

test('T59: a property that does not exist is a fault that says what may be meant, and never means it', () => {
  const hint = (property: string) => {
    try {
      compilePolicy({ rules: [{ ...allow, user: 1, [property]: 1 }] }, { names: NAMES });
    } catch (error) {
      if (error instanceof PolicyError) return error.faults[0]?.message;
    }
    return 'taken';
  };
  const meant: Record<string, string | undefined> = {
    usr: 'user',
    users: 'user',
    same_user: 'sameUser',
    'same-namespaces': 'sameNamespaces',
    uid: 'user',
    app: 'application',
    believeForgable: 'believeForgeable',
  };
  for (const [property, name] of Object.entries(meant)) {
    assert.equal(hint(property), `there is no such property; is ${name} meant?`);
  }
  for (const strange of ['frobnicate', '__proto', 'x', 'u'.repeat(100_000)]) {
    assert.equal(hint(strange), 'there is no such property', strange.slice(0, 20));
  }
});

test('nesting without end is refused', () => {
  let condition: unknown = { user: 1 };
  for (let depth = 0; depth < 5000; depth++) condition = { not: condition };
  const faults = faultsOf({ rules: [{ ...allow, not: condition }] });
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /^contradiction /);
});

test('T59: any data is a policy or a PolicyError, and properties of the prototype do not count', () => {
  const anything = fc.anything({ withNullPrototype: true, withSparseArray: true, withMap: true });
  const word = fc.constantFrom(
    'effect',
    'user',
    'not',
    'any',
    'label',
    'as',
    'allow',
    'deny',
    'map',
    '__proto__',
  );
  const likely = fc.letrec(tie => ({
    value: fc.oneof({ maxDepth: 5 }, word, fc.integer(), anything, tie('object'), tie('list')),
    list: fc.array(tie('value'), { maxLength: 3 }),
    object: fc.dictionary(word, tie('value'), { maxKeys: 4 }),
  })).value;
  fc.assert(
    fc.property(fc.oneof(anything, likely), fc.oneof(anything, likely), (rules, maps) => {
      for (const data of [rules, { rules }, { rules: [rules] }, { rules: [rules], maps }]) {
        let policy: Policy;
        try {
          policy = compilePolicy(data, { names: NAMES });
        } catch (error) {
          assert.ok(error instanceof PolicyError && error.faults.length > 0);
          continue;
        }
        assert.equal(typeof policy.decide, 'function');
      }
    }),
    { numRuns: 500 },
  );
  const inherited = Object.create({ effect: 'allow', everyone: true });
  assert.deepEqual(faultsOf({ rules: [inherited] }), ['missing rules[0].effect', 'empty rules[0]']);
});
