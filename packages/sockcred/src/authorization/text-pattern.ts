/**
 * Texts and patterns of a policy. A pattern has to fit all of a text: an
 * unanchored one lets in whoever can put the wanted text somewhere into theirs.
 */

import type { Captures, TextMatcher } from './condition.ts';
import { linearPattern } from './linear-pattern.ts';
import { PatternFault } from './pattern-syntax.ts';
import { type Faults, properties, text } from './plain-data.ts';
import { pathTo } from './policy-error.ts';

const NO_CAPTURES: Captures = [];
const PATTERN_ONLY = new Set(['pattern']);

/** A text that is wanted, and how many groups can be referred to if it is a pattern. */
export interface TextWanted extends TextMatcher {
  readonly groups?: number;
}

function exactly(wanted: string): TextWanted {
  return { shown: wanted, match: given => (given === wanted ? NO_CAPTURES : undefined) };
}

function pattern(source: string, path: string, faults: Faults): TextWanted | undefined {
  try {
    const { groups, match } = linearPattern(source);
    return { shown: `/${source}/`, groups, match };
  } catch (error) {
    if (!(error instanceof PatternFault)) throw error;
    return faults.add('pattern', path, error.message);
  }
}

/** Reads a text, or `{ pattern }`. */
export function readText(value: unknown, path: string, faults: Faults): TextWanted | undefined {
  if (typeof value === 'string') {
    const wanted = text(value, path, faults);
    return wanted === undefined ? undefined : exactly(wanted);
  }
  const given = properties(value, path, PATTERN_ONLY, faults);
  if (given === undefined) return undefined;
  const source = text(given.get('pattern'), pathTo(path, 'pattern'), faults);
  return source === undefined ? undefined : pattern(source, pathTo(path, 'pattern'), faults);
}

/** A role of a map, with `\1` to `\9` for what a pattern's groups matched. */
export interface RoleTemplate {
  /** Undefined where a group that is needed took no part in the match. */
  fill(captures: Captures): string | undefined;
}

/** Reads a role; `groups` is how many can be referred to. */
export function readRole(
  value: unknown,
  path: string,
  groups: number | undefined,
  faults: Faults,
): RoleTemplate | undefined {
  const role = text(value, path, faults);
  if (role === undefined) return undefined;
  const references = [...role.matchAll(/\\([0-9])/g)].map(([, digit]) => Number(digit));
  for (const reference of references) {
    if (groups === undefined) {
      return faults.add('capture', path, `\\${reference} needs an entry with exactly one pattern`);
    }
    if (reference === 0 || reference > groups) {
      return faults.add('capture', path, `\\${reference}: the pattern has ${groups} groups`);
    }
  }
  return {
    fill(captures) {
      if (references.some(reference => captures[reference - 1] === undefined)) return undefined;
      return role.replace(/\\([1-9])/g, (_, digit: string) => captures[Number(digit) - 1] as string);
    },
  };
}
