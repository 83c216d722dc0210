/**
 * Reads the conditions of a policy: names become ids, patterns become matchers,
 * and whatever is not understood is a fault, never a condition that is left out.
 */

import type { PeerRole } from '../credentials/evidence.ts';
import { isId } from '../ids.ts';
import type { Child, Circumstances } from './circumstances.ts';
import {
  type Authority,
  allOf,
  always,
  anyOf,
  type Condition,
  factCondition,
  groupCondition,
  idCondition,
  negated,
  textCondition,
} from './condition.ts';
import { FACTS, type FactName, type NamespaceKind } from './fact.ts';
import {
  type Faults,
  list,
  MOST_DEPTH,
  oneOrMore,
  type Properties,
  properties,
  quoted,
  text,
  word,
  yes,
} from './plain-data.ts';
import { pathTo } from './policy-error.ts';
import { readText, type TextWanted } from './text-pattern.ts';

/** The condition's own properties, in the order in which they are asked: what costs least comes first. */
const PROPERTIES = [
  'everyone',
  'user',
  'sameUser',
  'primaryGroup',
  'group',
  'role',
  'label',
  'child',
  'alive',
  'sameNamespaces',
  'unit',
  'userUnit',
  'application',
  'container',
  'all',
  'any',
  'not',
] as const;

type Property = (typeof PROPERTIES)[number];

/** The names of all that a condition may have. */
export const CONDITION_PROPERTIES: readonly string[] = PROPERTIES;

const NESTED_PROPERTIES: ReadonlySet<string> = new Set(PROPERTIES);
const ROLES: readonly PeerRole[] = ['connector', 'listener', 'creator'];
const NAMESPACES: readonly NamespaceKind[] = ['user', 'pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'];
const USUAL_NAMESPACES: readonly NamespaceKind[] = ['user', 'pid', 'mnt'];

/** What everything in one rule has in common. */
export interface Reading {
  readonly circumstances: Circumstances;
  readonly faults: Faults;
  /** Facts that may raise trust in this rule though they are forgeable. */
  readonly believed: ReadonlySet<FactName>;
  /** What else there is to be known of it. */
  readonly mentions: Mentions;
}

/** What a rule says in so many words. */
export interface Mentions {
  /** Patterns whose groups a map's roles may refer to. */
  readonly patterns: {
    readonly property: FactName;
    readonly wanted: TextWanted;
    readonly authority: Authority;
  }[];
}

/** Where in the rule we are. */
interface Place {
  readonly path: string;
  readonly depth: number;
  /** A yes here makes the rule let somebody in who would be kept out otherwise, or the other way round. */
  readonly raises: boolean;
  readonly underNot: boolean;
}

/** Reads the condition that an object's properties make up, or says what is wrong with it. */
export function readCondition(
  given: Properties,
  path: string,
  letsIn: boolean,
  reading: Reading,
): Condition | undefined {
  return readProperties(given, { path, depth: 0, raises: letsIn, underNot: false }, letsIn, reading);
}

function readProperties(
  given: Properties,
  place: Place,
  letsIn: boolean,
  reading: Reading,
): Condition | undefined {
  const conditions: Condition[] = [];
  for (const property of PROPERTIES) {
    if (!given.has(property)) continue;
    const path = pathTo(place.path, property);
    const condition = readProperty(property, given.get(property), { ...place, path }, letsIn, reading);
    if (condition !== undefined) conditions.push(condition);
  }
  if (!PROPERTIES.some(property => given.has(property))) {
    const where = place.path || 'policy';
    return reading.faults.add(
      'empty',
      where,
      'a condition that says nothing; if everyone is meant, everyone says so',
    );
  }
  return conditions.length === 0 ? undefined : allOf(conditions);
}

function readProperty(
  property: Property,
  value: unknown,
  place: Place,
  letsIn: boolean,
  reading: Reading,
): Condition | undefined {
  const { path } = place;
  const { faults } = reading;
  switch (property) {
    case 'everyone':
      return yes(value, path, faults) ? always(path) : undefined;
    case 'user':
      return readIds(value, place, 'user', reading);
    case 'group':
    case 'primaryGroup':
      return readIds(value, place, property, reading);
    case 'sameUser':
      return readSameUser(value, place, reading);
    case 'role':
      return readRoles(value, place, reading);
    case 'child':
      return readChildren(value, place, reading);
    case 'alive':
      return yes(value, path, faults)
        ? factCondition(path, 'alive', authority('alive', place, reading), alive =>
            alive ? ['yes', 'the process exists'] : ['no', 'the process has ended'],
          )
        : undefined;
    case 'sameNamespaces':
      return readNamespaces(value, place, reading);
    case 'label':
    case 'unit':
    case 'userUnit':
    case 'application':
    case 'container':
      return readTexts(property, value, place, reading);
    case 'all':
    case 'any':
    case 'not':
      return readNested(property, value, place, letsIn, reading);
  }
}

/** How strong a claim must be here; a fault where only a weak one exists and the rule does not say that it will do. */
function authority(fact: FactName, { path, raises }: Place, { believed, faults }: Reading): Authority {
  const { forgeable } = FACTS[fact];
  const strongOnly = raises && !believed.has(fact);
  if (strongOnly && forgeable !== undefined) {
    const remedy = `believeForgeable with "${fact}" in it says that this is meant`;
    faults.add(
      'forgeable',
      path,
      `lets somebody in by a claim that can be made up (${forgeable}); ${remedy}`,
    );
  }
  return { strongOnly };
}

function readIds(
  value: unknown,
  place: Place,
  property: 'user' | 'group' | 'primaryGroup',
  reading: Reading,
): Condition | undefined {
  const kind = property === 'user' ? 'user' : 'group';
  const entries = oneOrMore(value, place.path, reading.faults);
  const ids = entries.flatMap(({ value: entry, path }) => readId(entry, kind, path, reading) ?? []);
  if (ids.length === 0) return undefined;
  if (property === 'group') return groupCondition(place.path, ids, authority('groups', place, reading));
  const fact = property === 'user' ? 'uid' : 'gid';
  return idCondition(place.path, fact, ids, authority(fact, place, reading));
}

function readId(
  value: unknown,
  kind: 'user' | 'group',
  path: string,
  { circumstances: { names }, faults }: Reading,
): number | undefined {
  if (typeof value === 'number') {
    if (isId(value)) return value;
    return faults.add('type', path, 'an id is an integer from 0 to 4294967294');
  }
  if (typeof value !== 'string') return faults.add('type', path, `must be a ${kind} name or an id`);
  if (/^[0-9]*$/.test(value)) return faults.add('type', path, 'an id is a number, not text');
  const id = names?.[kind](value);
  if (id !== undefined && isId(id)) return id;
  return faults.add('name', path, `there is no ${kind} ${quoted(value)} here`);
}

function readSameUser(value: unknown, place: Place, reading: Reading): Condition | undefined {
  const { circumstances, faults } = reading;
  if (!yes(value, place.path, faults)) return undefined;
  const { ownUid } = circumstances;
  if (ownUid === undefined) return faults.add('name', place.path, 'this process has no user here');
  return idCondition(place.path, 'uid', [ownUid], authority('uid', place, reading));
}

function readRoles(value: unknown, place: Place, reading: Reading): Condition | undefined {
  const entries = oneOrMore(value, place.path, reading.faults);
  const roles = entries.flatMap(entry => word(entry.value, entry.path, ROLES, reading.faults) ?? []);
  return factCondition(place.path, 'role', authority('role', place, reading), role => [
    roles.includes(role) ? 'yes' : 'no',
    `the peer is the ${role}`,
  ]);
}

function readChildren(value: unknown, place: Place, reading: Reading): Condition | undefined {
  const { circumstances, faults } = reading;
  const children = oneOrMore(value, place.path, faults).flatMap((entry): Child[] => {
    const name = text(entry.value, entry.path, faults);
    if (name === undefined) return [];
    const given = circumstances.children;
    const child = given !== undefined && Object.hasOwn(given, name) ? given[name] : undefined;
    if (child !== undefined) return [child];
    faults.add('reference', entry.path, `no child ${quoted(name)} was given to this policy`);
    return [];
  });
  return factCondition(place.path, 'process', authority('process', place, reading), pid => {
    // Not waited for as long as this runs: whoever has the number now is this child.
    const holds = children.some(
      child => child.exitCode === null && child.signalCode === null && child.pid === pid,
    );
    return [holds ? 'yes' : 'no', holds ? 'it is this child' : 'it is none of these children'];
  });
}

function readNamespaces(value: unknown, place: Place, reading: Reading): Condition | undefined {
  const { faults } = reading;
  const wanted =
    value === true
      ? USUAL_NAMESPACES
      : list(value, place.path, faults).flatMap(
          entry => word(entry.value, entry.path, NAMESPACES, faults) ?? [],
        );
  return factCondition(place.path, 'namespaces', authority('namespaces', place, reading), shared => {
    const other = wanted.find(kind => shared[kind] === false);
    if (other !== undefined) return ['no', `another ${other} namespace`];
    const untold = wanted.find(kind => shared[kind] === undefined);
    if (untold !== undefined) return ['unknown', `the ${untold} namespace could not be compared`];
    return ['yes', 'the same namespaces'];
  });
}

function readTexts(
  property: 'label' | 'unit' | 'userUnit' | 'application' | 'container',
  value: unknown,
  place: Place,
  reading: Reading,
): Condition | undefined {
  const wanted = oneOrMore(value, place.path, reading.faults).flatMap(
    entry => readText(entry.value, entry.path, reading.faults) ?? [],
  );
  const weight = authority(property, place, reading);
  for (const matcher of wanted) {
    if (matcher.groups === undefined) continue;
    reading.mentions.patterns.push({ property, wanted: matcher, authority: weight });
  }
  return textCondition(place.path, property, wanted, weight);
}

function readNested(
  property: 'all' | 'any' | 'not',
  value: unknown,
  place: Place,
  letsIn: boolean,
  reading: Reading,
): Condition | undefined {
  const { faults } = reading;
  if (place.depth >= MOST_DEPTH) {
    return faults.add('contradiction', place.path, `nested deeper than ${MOST_DEPTH} levels`);
  }
  const underNot = place.underNot !== (property === 'not');
  // An allow rule raises trust either way; a deny rule does where it spares whoever makes a claim.
  const inner = { depth: place.depth + 1, underNot, raises: letsIn || underNot };
  const entries = property === 'not' ? oneOrMore(value, place.path, faults) : list(value, place.path, faults);
  const conditions = entries.flatMap(entry => {
    const given = properties(entry.value, entry.path, NESTED_PROPERTIES, faults);
    if (given === undefined) return [];
    return readProperties(given, { ...inner, path: entry.path }, letsIn, reading) ?? [];
  });
  if (conditions.length === 0) return undefined;
  if (property === 'all') return allOf(conditions);
  return property === 'any' ? anyOf(conditions) : negated(place.path, anyOf(conditions));
}
