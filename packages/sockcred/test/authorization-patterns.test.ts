/** Patterns: they mean what JavaScript means by them, and no text can make them try for long. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePolicy, PolicyError } from 'sockcred/authorization';
import { madeUpPeer } from 'sockcred/testing';
import { linearPattern } from '../dist/authorization/linear-pattern.js';

/** What JavaScript's own engine says of the whole text. */
function own(source: string, text: string): readonly (string | undefined)[] | undefined {
  return new RegExp(`^(?:${source})$`, 'u').exec(text)?.slice(1);
}

function faults(pattern: string): readonly string[] {
  try {
    compilePolicy({ rules: [{ effect: 'allow', unit: { pattern } }] }, {});
    return [];
  } catch (error) {
    assert.ok(error instanceof PolicyError);
    return error.faults.map(({ code, path, message }) => `${code} ${path} ${message}`);
  }
}

const SIGNS = ['', '', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,2}?', '{1,}'];
const ATOMS = ['a', 'b', 'c', '.', '[ab]', '[^a]', '\\w', '\\.', '\\u{1F600}', '\\p{L}', '^', '$', '😀'];

/** Patterns without a repetition of what can be empty, where the groups of engines differ. */
const { pattern } = fc.letrec<{ pattern: string; term: string; filled: string }>(tie => ({
  pattern: fc.array(tie('term'), { minLength: 1, maxLength: 4 }).map(terms => terms.join('')),
  filled: fc.tuple(fc.constantFrom('a', 'b', '.', '[ab]'), tie('pattern')).map(([one, rest]) => one + rest),
  term: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .tuple(fc.constantFrom(...ATOMS), fc.constantFrom(...SIGNS))
      .map(([atom, sign]) => (atom === '^' || atom === '$' ? atom : atom + sign)),
    fc
      .tuple(
        fc.constantFrom('(', '(?:'),
        fc.array(tie('filled'), { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...SIGNS),
      )
      .map(([begin, choices, sign]) => `${begin}${choices.join('|')})${sign}`),
    tie('pattern').map(inner => `(${inner}|)`),
  ),
}));

const text = fc
  .array(fc.constantFrom('a', 'b', 'c', '.', '😀', '\n'), { maxLength: 8 })
  .map(all => all.join(''));

test('a pattern and its groups match as in JavaScript', () => {
  fc.assert(
    fc.property(pattern, fc.array(text, { minLength: 20, maxLength: 20 }), (source, texts) => {
      fc.pre(source.length < 60);
      const compiled = linearPattern(source);
      for (const one of texts) assert.deepEqual(compiled.match(one), own(source, one), `${source} on ${one}`);
    }),
    { numRuns: 1000 },
  );
});

test('a repetition of what can be empty matches the same texts', () => {
  const sources = ['(a*)*', '(|a)+', '(a|b*)*c', '(?:a?){3}', '((a*)+b?)*', '(?:)*', '(^a|b*)*', '(a??)*?b'];
  fc.assert(
    fc.property(fc.constantFrom(...sources), text, (source, one) => {
      assert.equal(linearPattern(source).match(one) !== undefined, own(source, one) !== undefined);
    }),
    { numRuns: 2000 },
  );
});

test('groups of a round that is over are forgotten, and names are groups', () => {
  for (const [source, one] of [
    ['(?:(a)|(b))*', 'ab'],
    ['(?<kind>[a-z]+)-(\\d{2,})', 'job-123'],
    ['(\\[|\\])[\\]\\[a](\\x41|\\u0042|\\ud83d\\ude00)', '][😀'],
    ['', ''],
    ['a|', ''],
  ] as const)
    assert.deepEqual(linearPattern(source).match(one), own(source, one), source);
});

test('what cannot be matched in one pass is refused, with its place', () => {
  for (const [pattern, said] of [
    ['a(?=b)', 'character 2: a pattern does not look around'],
    ['a(?<!b)', 'character 2: a pattern does not look around'],
    ['(a)\\1', 'character 4: a pattern cannot refer back to a group'],
    ['(?<n>a)\\k<n>', 'character 8: a pattern cannot refer back to a group'],
    ['a\\b', 'character 2: borders of words are not looked for'],
    ['((a{99}){99}){99}', 'repeats more than can be followed'],
    ['(?:){999999999}', 'repeats more than can be followed'],
    ['a'.repeat(1001), 'longer than 1000 characters'],
    [`${'('.repeat(99)}a${')'.repeat(99)}`, 'character 51: nested too deeply'],
    ['a)|(b', 'is no regular expression'],
    ['[', 'is no regular expression'],
  ] as const)
    assert.deepEqual(faults(pattern), [`pattern rules[0].unit.pattern ${said}`]);
});

test('no text makes a pattern try for long', () => {
  const evil = ['app-([a-z0-9]+-?)+\\.scope', '(a+)+', '(a|a)*b', '(.*)*x', '.*.*.*.*.*.*x', '(a?){99}a{99}'];
  // Any of these would take the runtime's own engine longer than there is time.
  for (const source of evil) {
    const compiled = linearPattern(source);
    assert.equal(compiled.match(`app-${'a'.repeat(4000)}!`), undefined, source);
  }
});

test('a text that is longer than any label or name is not compared', () => {
  const long = madeUpPeer({ uid: 1, label: 'a'.repeat(4097) });
  const policy = (effect: 'allow' | 'deny') =>
    compilePolicy(
      {
        rules: [
          { effect, label: { pattern: 'a*' } },
          { effect: 'allow', user: 1 },
        ],
      },
      {},
    );
  assert.equal(policy('deny').decide(long).reason, 'deny-unknown');
  assert.equal(policy('allow').decide(long).tried[0]?.verdict, 'unknown');
  assert.equal(policy('deny').decide(madeUpPeer({ uid: 1, label: 'a'.repeat(4096) })).reason, 'denied');
});
