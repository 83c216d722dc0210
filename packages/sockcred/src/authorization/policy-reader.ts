/** Reads a whole policy from plain data: its rules, its maps, and what should be said about it at load. */

import type { Circumstances } from './circumstances.ts';
import type { Condition } from './condition.ts';
import { CONDITION_PROPERTIES, type Mentions, type Reading, readCondition } from './condition-reader.ts';
import { FACT_NAMES, type FactName } from './fact.ts';
import { type Finding, findingsOf } from './findings.ts';
import { Faults, list, oneOrMore, type Properties, properties, quoted, text, word } from './plain-data.ts';
import { PolicyError, pathTo } from './policy-error.ts';
import { type RoleTemplate, readRole } from './text-pattern.ts';

/** What a rule does with whoever it holds of. */
export type Effect = 'allow' | 'deny';

/** A rule that has been read. */
export interface Rule {
  readonly index: number;
  readonly effect: Effect;
  readonly name: string | undefined;
  readonly path: string;
  readonly condition: Condition;
  readonly map: RoleMap | undefined;
}

/** Who has which roles. */
export interface RoleMap {
  readonly name: string;
  readonly entries: readonly MapEntry[];
}

export interface MapEntry {
  readonly path: string;
  readonly condition: Condition;
  readonly roles: readonly RoleTemplate[];
  /** The one pattern whose groups the roles may refer to. */
  readonly pattern: Mentions['patterns'][number] | undefined;
}

export interface ReadPolicy {
  readonly rules: readonly Rule[];
  readonly findings: readonly Finding[];
}

const POLICY_PROPERTIES = new Set(['rules', 'maps']);
const RULE_PROPERTIES = new Set(['effect', 'name', 'map', 'believeForgeable', ...CONDITION_PROPERTIES]);
const ENTRY_PROPERTIES = new Set(['as', 'believeForgeable', ...CONDITION_PROPERTIES]);
const EFFECTS: readonly Effect[] = ['allow', 'deny'];

/**
 * Reads a policy, all of it or nothing.
 *
 * @throws {@link PolicyError} with every fault.
 */
export function readPolicy(data: unknown, circumstances: Circumstances): ReadPolicy {
  const faults = new Faults();
  const policy = properties(data, '', POLICY_PROPERTIES, faults);
  if (policy === undefined) throw new PolicyError(faults.list);
  const maps = readMaps(policy, circumstances, faults);
  const rules = ruleValues(policy, faults).flatMap(({ value, path }, index) => {
    const given = properties(value, path, RULE_PROPERTIES, faults);
    if (given === undefined) return [];
    const reading = newReading(given, path, circumstances, faults);
    return readRule(given, { index, path }, maps, reading) ?? [];
  });
  if (faults.list.length > 0) throw new PolicyError(faults.list);
  return { rules, findings: findingsOf(rules, maps.keys(), circumstances) };
}

function ruleValues(policy: Properties, faults: Faults): ReturnType<typeof list> {
  const rules = policy.get('rules');
  if (rules === undefined) {
    faults.add('missing', 'rules', 'a policy has rules; an empty list keeps everybody out');
    return [];
  }
  return Array.isArray(rules) && rules.length === 0 ? [] : list(rules, 'rules', faults);
}

function newReading(
  given: Properties,
  path: string,
  circumstances: Circumstances,
  faults: Faults,
): Reading & { readonly mentions: Mentions } {
  const believed = new Set<FactName>();
  const value = given.get('believeForgeable');
  if (value !== undefined) {
    for (const entry of list(value, pathTo(path, 'believeForgeable'), faults)) {
      const fact = word(entry.value, entry.path, FACT_NAMES, faults);
      if (fact !== undefined) believed.add(fact);
    }
  }
  return {
    circumstances,
    faults,
    believed,
    mentions: { patterns: [] },
  };
}

function readRule(
  given: Properties,
  { index, path }: { readonly index: number; readonly path: string },
  maps: ReadonlyMap<string, RoleMap>,
  reading: Reading,
): Rule | undefined {
  const { faults } = reading;
  const effect = given.has('effect')
    ? word(given.get('effect'), pathTo(path, 'effect'), EFFECTS, faults)
    : faults.add('missing', pathTo(path, 'effect'), 'a rule allows or denies');
  const name = given.has('name') ? text(given.get('name'), pathTo(path, 'name'), faults) : undefined;
  const map = given.has('map')
    ? mapFor(given.get('map'), pathTo(path, 'map'), effect, maps, faults)
    : undefined;
  // A rule without a readable effect is read as the stricter kind, for its other faults.
  const condition = readCondition(given, path, effect !== 'deny', reading);
  if (effect === undefined || condition === undefined) return undefined;
  return { index, effect, name, path, condition, map };
}

function mapFor(
  value: unknown,
  path: string,
  effect: Effect | undefined,
  maps: ReadonlyMap<string, RoleMap>,
  faults: Faults,
): RoleMap | undefined {
  if (effect === 'deny') return faults.add('contradiction', path, 'a deny rule gives nobody a role');
  const name = text(value, path, faults);
  if (name === undefined) return undefined;
  return maps.get(name) ?? faults.add('reference', path, `there is no map ${quoted(name)}`);
}

function readMaps(
  policy: Properties,
  circumstances: Circumstances,
  faults: Faults,
): ReadonlyMap<string, RoleMap> {
  const maps = new Map<string, RoleMap>();
  if (!policy.has('maps')) return maps;
  const given = properties(policy.get('maps'), 'maps', undefined, faults);
  for (const [name, value] of given ?? []) {
    const entries = list(value, pathTo('maps', name), faults).flatMap(
      entry => readEntry(entry.value, entry.path, circumstances, faults) ?? [],
    );
    maps.set(name, { name, entries });
  }
  return maps;
}

function readEntry(
  value: unknown,
  path: string,
  circumstances: Circumstances,
  faults: Faults,
): MapEntry | undefined {
  const given = properties(value, path, ENTRY_PROPERTIES, faults);
  if (given === undefined) return undefined;
  const reading = newReading(given, path, circumstances, faults);
  const condition = readCondition(given, path, true, reading);
  const as = pathTo(path, 'as');
  if (!given.has('as')) return faults.add('missing', as, 'an entry gives roles');
  const [only, second] = reading.mentions.patterns;
  const pattern = second === undefined ? only : undefined;
  const roles = oneOrMore(given.get('as'), as, faults).flatMap(
    entry => readRole(entry.value, entry.path, pattern?.wanted.groups, faults) ?? [],
  );
  return condition === undefined ? undefined : { path, condition, roles, pattern };
}
