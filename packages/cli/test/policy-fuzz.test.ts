/** Any bytes are a policy or a list of faults, and a policy in TOML is the policy that its data is. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { definePolicy, type PolicyData, PolicyError } from 'sockcred/authorization';
import { madeUpPeer } from 'sockcred/testing';
import { needs, programPath } from '../../sockcred/build/support/requirements.js';
import { PolicyFileError, policyInBytes } from '../dist/policy/policy-file.js';
import { readToml, TomlSyntaxError } from '../dist/policy/policy-toml.js';

const onLinux = { skip: needs('linux') };
const RUNS = { numRuns: 1000 };

const id = fc.integer({ min: 0, max: 4 });
const text = fc.constantFrom('a', 'b', 'org.x.App', 'é', 'a"b\\c', "it's", '\u0007', 'x\ny');
const strange = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.boolean(),
  fc.integer(),
  fc.constantFrom('root', '__proto__', '1979-05-27'),
);

/** Conditions that are well formed, and now and then one that is not. */
const { condition } = fc.letrec<{ condition: Record<string, unknown> }>(tie => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    fc.record(
      {
        user: fc.oneof(
          { weight: 20, arbitrary: fc.oneof(id, fc.array(id, { maxLength: 3 })) },
          { weight: 1, arbitrary: strange },
        ),
        group: fc.oneof({ weight: 20, arbitrary: id }, { weight: 1, arbitrary: strange }),
        label: fc.oneof(text, fc.record({ pattern: fc.constantFrom('a.*', '(a|b)', '(', '[a-z]+\\.x') })),
        everyone: fc.oneof(
          { weight: 20, arbitrary: fc.constant(true) },
          { weight: 1, arbitrary: fc.constant(false) },
        ),
      },
      { requiredKeys: [] },
    ),
    fc.record({ not: tie('condition') }),
    fc.record({ any: fc.array(tie('condition'), { maxLength: 3 }) }),
    fc.record({ all: fc.array(tie('condition'), { maxLength: 2 }), user: id }),
  ),
}));

const effect = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom('allow', 'deny') },
  { weight: 1, arbitrary: text },
);
const rule = fc.tuple(effect, condition).map(([given, when]) => ({ ...when, effect: given }));
const policy = fc.record({ rules: fc.array(rule, { maxLength: 4 }) });

/** TOML, each value in one line, as a program would write it. */
function toml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)} = ${toml(inner)}`);
    return `{ ${entries.join(', ')} }`;
  }
  if (typeof value === 'number' && !Number.isFinite(value))
    return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  if (typeof value === 'number' && !Number.isInteger(value)) return value.toExponential();
  if (typeof value === 'number' && Math.abs(value) > 2 ** 53)
    return value.toExponential().replace(/^(-?\d)e/, '$1.0e');
  if (typeof value === 'number') return Object.is(value, -0) ? '-0.0' : String(value);
  if (typeof value === 'string') return JSON.stringify(value).replace(/\u007f/g, '\\u007f');
  return String(value);
}

/** TOML has no lone surrogates. */
const isScalarText = (value: string) => !/\p{Surrogate}/u.test(value);

const file = policy
  .map(data => ({
    data: data as unknown as PolicyData,
    lines: data.rules.map(
      given =>
        `[[rules]]\n${Object.entries(given)
          .map(([key, inner]) => `${key} = ${toml(inner)}\n`)
          .join('')}`,
    ),
  }))
  .filter(({ lines }) => lines.every(isScalarText))
  .map(({ data, lines }) => ({ data, text: lines.length === 0 ? 'rules = []\n' : lines.join('\n') }));

const encode = (given: string) => new TextEncoder().encode(given);

/** The policy, or its faults; everything else that is thrown fails the test. */
function outcome(bytes: Uint8Array) {
  try {
    return policyInBytes('p.toml', bytes).policy;
  } catch (error) {
    assert.ok(error instanceof PolicyFileError && error.faults.length > 0, String(error));
    const lines = new TextDecoder().decode(bytes).split('\n');
    for (const { line, column } of error.faults) {
      assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}`);
      assert.ok(
        column >= 1 && column <= Math.max(bytes.length, (lines[line - 1]?.length ?? 0) + 1) + 1,
        `column ${column}`,
      );
    }
    const order = error.faults.map(({ line, column }) => line * 1e7 + column);
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
    );
    return undefined;
  }
}

test('T59: a file lets in whom its data lets in, and has faults if its data has', onLinux, () => {
  let usable = 0;
  let faulty = 0;
  fc.assert(
    fc.property(
      file,
      fc.record({
        uid: id,
        groups: fc.array(id, { minLength: 1, maxLength: 2 }),
        label: fc.constantFrom('a', 'b', 'c'),
      }),
      ({ data, text: written }, peer) => {
        const found = outcome(encode(written));
        let expected: ReturnType<typeof definePolicy> | undefined;
        try {
          expected = definePolicy(data);
        } catch (error) {
          assert.ok(error instanceof PolicyError);
        }
        assert.equal(found === undefined, expected === undefined, written);
        if (found === undefined || expected === undefined) {
          faulty++;
          return;
        }
        usable++;
        const made = madeUpPeer(peer);
        assert.deepEqual(found.decide(made), expected.decide(made), written);
      },
    ),
    RUNS,
  );
  assert.ok(usable > 100 && faulty > 100, `${usable} usable, ${faulty} faulty`);
});

test('T59: any bytes, and any damage to a good file, are a policy or faults with places', onLinux, () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'binary' }).map(encode)),
      bytes => void outcome(bytes),
    ),
    RUNS,
  );
  const words = fc.constantFrom(
    '[',
    ']',
    '{',
    '}',
    '=',
    '"',
    "'",
    '\n',
    '.',
    ',',
    '#',
    '\\',
    '"""',
    '__proto__',
    'rules',
    'not',
    '\0',
    '\r',
    'é',
  );
  fc.assert(
    fc.property(
      file,
      fc.nat(),
      fc.nat({ max: 20 }),
      fc.array(words, { maxLength: 4 }),
      ({ text: written }, at, length, put) => {
        const start = at % (written.length + 1);
        outcome(encode(`${written.slice(0, start)}${put.join('')}${written.slice(start + length)}`));
      },
    ),
    RUNS,
  );
});

test('T59: a fault anywhere in a file keeps everybody out, whomever its other rules let in', onLinux, () => {
  const fault = fc.constantFrom(
    '[[rules]]\n',
    '[[rules]]\neffect = "deny"\nusr = 1\n',
    '[[rules]]\neffect = "deny"\nuser = "no-such-user"\n',
    '[[rules]]\neffect = "allow"\nlabel = { pattern = "(" }\n',
    '[limits]\nconnections = -1\n',
    '[limit]\n',
    'x',
    '\0',
    '[[rules]]\neffect = "allow"\napplication = "org.x"\n',
  );
  const everyone = '[[rules]]\neffect = "allow"\neveryone = true\n';
  fc.assert(
    fc.property(
      fc.array(
        file.map(({ text: written }) => written).filter(written => written.startsWith('[[')),
        { maxLength: 3 },
      ),
      fault,
      fc.boolean(),
      (others, wrong, first) => {
        const rest = [everyone, ...others].join('\n');
        assert.equal(outcome(encode(first ? `${wrong}\n${rest}` : `${rest}\n${wrong}`)), undefined);
      },
    ),
    { numRuns: 300 },
  );
});

const TOMLLIB = `
import json, sys, tomllib, datetime
def plain(value):
    if isinstance(value, float): return ['float', repr(value)]
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)): return ['date']
    if isinstance(value, list): return [plain(each) for each in value]
    if isinstance(value, dict): return {key: plain(each) for key, each in value.items()}
    return value
for line in sys.stdin:
    try: print(json.dumps([plain(tomllib.loads(json.loads(line)))]))
    except (tomllib.TOMLDecodeError, RecursionError, UnicodeError): print('null')
`;

const hasTomllib = () => spawnSync(programPath('python3'), ['-c', 'import tomllib']).status === 0;

test('a text that another TOML parser understands is understood in the same way', {
  skip: needs('linux', 'python3') || (hasTomllib() ? false : 'needs Python 3.11'),
}, () => {
  const words = fc.constantFrom(
    '[',
    ']',
    '[[',
    ']]',
    '{',
    '}',
    '=',
    '"',
    "'",
    '\n',
    '.',
    ', ',
    '#',
    '\\',
    'rules',
    'a',
    '1',
    '0x1F',
    '\r',
    '\u007f',
    '\u0001',
    'é',
    '\\u0041',
    '-0',
    '+1',
    '007',
    '1__0',
    'True',
    '"""',
    "'''",
    '1_000',
    'true',
    '"a.b"',
    "'\\'",
    '\t',
    ' ',
    'not',
  );
  const made = fc.oneof(
    file.map(({ text: written }) => written),
    fc.array(words, { maxLength: 12 }).map(list => list.join('')),
    fc.tuple(file, fc.nat(), fc.array(words, { maxLength: 3 })).map(([{ text: written }, at, put]) => {
      const start = at % (written.length + 1);
      return `${written.slice(0, start)}${put.join('')}${written.slice(start)}`;
    }),
    fc
      .array(
        fc.tuple(
          fc.constantFrom('a', 'b', 'a.b', 'a.b.c', '"a"'),
          fc.constantFrom('k = 1', '[K]', '[[K]]', 'k = {}', 'k = []'),
        ),
        { maxLength: 5 },
      )
      .map(list =>
        list
          .map(([key, how]) => (how.includes('K') ? how.replace('K', key) : how.replace('k', key)))
          .join('\n'),
      ),
  );
  const texts = fc.sample(made, 3000);
  const { stdout, status, stderr } = spawnSync(programPath('python3'), ['-c', TOMLLIB], {
    input: texts.map(each => JSON.stringify(each)).join('\n'),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  assert.equal(status, 0, stderr);
  const theirs = stdout.trim().split('\n');
  assert.equal(theirs.length, texts.length);
  let understood = 0;
  for (const [index, given] of texts.entries()) {
    let ours: unknown;
    try {
      ours = readToml(given).data;
    } catch (error) {
      assert.ok(error instanceof TomlSyntaxError);
      ours = undefined;
    }
    const other = JSON.parse(theirs[index] ?? 'null') as [unknown] | null;
    assert.equal(ours === undefined, other === null, JSON.stringify(given));
    if (
      other === null ||
      JSON.stringify(other).includes('["float"') ||
      JSON.stringify(other).includes('["date"')
    )
      continue;
    assert.deepEqual(JSON.parse(JSON.stringify(ours)), other[0], JSON.stringify(given));
    understood++;
  }
  assert.ok(understood > 300, `${understood}`);
});
