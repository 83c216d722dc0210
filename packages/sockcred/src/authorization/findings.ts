/**
 * What should be said about a policy when it is loaded, though it can be used:
 * rules about facts that nobody here will ever know, and peers that can look like others.
 */

import { escapeText } from '../credentials/format.ts';
import type { Circumstances } from './circumstances.ts';
import type { FactName, FactsOfPeer } from './fact.ts';
import { DISGUISES, ROOT_OF_CONTAINER, verdictOn } from './from-elsewhere.ts';
import { pathTo } from './policy-error.ts';
import type { Rule } from './policy-reader.ts';

/** Every kind of finding. */
export type FindingCode =
  /** A deny rule needs a fact that is never known here: where nothing else settles it, it keeps everybody out. */
  | 'deny-never-known'
  /** An allow rule needs a fact that is never known here: where nothing else settles it, it lets nobody in. */
  | 'allow-never-known'
  /** Root of a container without a user namespace can be whoever is let in here. */
  | 'root-of-any-namespace'
  /** A deny rule goes by user or group, and users with subordinate ids can take others. */
  | 'deny-evaded'
  /** No rule uses a map. */
  | 'map-unused';

/** Something to tell whoever wrote the policy. */
export interface Finding {
  readonly code: FindingCode;
  /** The rule or map that it is about: `rules[2]`; of several rules the first. */
  readonly path: string;
  /** The fact that is never known. */
  readonly fact?: FactName;
  readonly message: string;
}

const NEVER_KNOWN = {
  deny: {
    code: 'deny-never-known',
    consequence: 'a deny rule that cannot be evaluated denies',
  },
  allow: {
    code: 'allow-never-known',
    consequence: 'an allow rule that cannot be evaluated lets nobody in',
  },
} as const;

/** What nobody here can tell about a rule. */
function neverKnown(rule: Rule, { never }: Circumstances): readonly Finding[] {
  const conditions = [rule.condition, ...(rule.map?.entries ?? []).map(({ condition }) => condition)];
  return [...new Set(conditions.flatMap(({ facts }) => facts))].flatMap(fact => {
    const why = never?.(fact);
    if (why === undefined) return [];
    const { code, consequence } = NEVER_KNOWN[rule.effect];
    const message = `${fact} is never known here (${escapeText(why.detail)}): ${consequence}`;
    return [Object.freeze({ code, path: rule.path, fact, message })];
  });
}

/** Does a rule with a map give a role to them, as far as is known? */
const mayLetIn = (rule: Rule, who: FactsOfPeer) =>
  rule.effect === 'allow' &&
  verdictOn(rule, who) !== 'no' &&
  (rule.map === undefined || rule.map.entries.some(entry => verdictOn(entry, who) !== 'no'));

const keptOut = (rules: readonly Rule[], who: FactsOfPeer) =>
  rules.some(rule => rule.effect === 'deny' && verdictOn(rule, who) === 'yes');

const LISTED = 5;

/** One finding about several rules, at the first of them. */
function together(
  code: FindingCode,
  rules: readonly Rule[],
  message: (paths: string) => string,
): readonly Finding[] {
  const [first] = rules;
  if (first === undefined) return [];
  const paths = rules.slice(0, LISTED).map(({ path }) => path);
  const rest = rules.length > LISTED ? ` and ${rules.length - LISTED} more` : '';
  return [Object.freeze({ code, path: first.path, message: message(`${paths.join(', ')}${rest}`) })];
}

/** Where root of a container may come in. */
function rootElsewhere(rules: readonly Rule[]): readonly Finding[] {
  if (keptOut(rules, ROOT_OF_CONTAINER)) return [];
  return together(
    'root-of-any-namespace',
    rules.filter(rule => mayLetIn(rule, ROOT_OF_CONTAINER)),
    paths =>
      `root of a container without a user namespace can be any user in any group, and so be let in by ${paths}; sameNamespaces keeps it out where namespaces can be told`,
  );
}

const ID_FACTS: readonly FactName[] = ['uid', 'gid', 'groups'];

/** Deny rules about ids that do not hold of a user who takes other ids, and whom something lets in then. */
function evaded(rules: readonly Rule[]): readonly Finding[] {
  const disguises = DISGUISES.filter(who => !keptOut(rules, who) && rules.some(rule => mayLetIn(rule, who)));
  return together(
    'deny-evaded',
    rules.filter(
      rule =>
        rule.effect === 'deny' &&
        rule.condition.facts.some(fact => ID_FACTS.includes(fact)) &&
        disguises.some(who => verdictOn(rule, who) === 'no'),
    ),
    paths =>
      `users who have subordinate ids (/etc/subuid, /etc/subgid) can take ids that ${paths} does not name, or drop groups; let in whom you name instead`,
  );
}

/** Maps that nothing uses are mostly a name that was mistyped. */
function unusedMaps(rules: readonly Rule[], maps: Iterable<string>): readonly Finding[] {
  const used = new Set(rules.map(({ map }) => map?.name));
  return [...maps]
    .filter(name => !used.has(name))
    .map(name =>
      Object.freeze({
        code: 'map-unused' as const,
        path: pathTo('maps', name),
        message: 'no rule uses this map',
      }),
    );
}

/** What there is to say about the rules of a policy, in their order, and about its maps. */
export function findingsOf(
  rules: readonly Rule[],
  maps: Iterable<string>,
  circumstances: Circumstances,
): readonly Finding[] {
  return [
    ...rules.flatMap(rule => neverKnown(rule, circumstances)),
    ...rootElsewhere(rules),
    ...evaded(rules),
    ...unusedMaps(rules, maps),
  ];
}
