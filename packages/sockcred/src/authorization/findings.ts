/**
 * What should be said about a policy when it is loaded, though it can be used:
 * rules about facts that nobody here will ever know, and root let in from anywhere.
 */

import { escapeText } from '../credentials/format.ts';
import type { Circumstances } from './circumstances.ts';
import type { Condition, Verdict } from './condition.ts';
import {
  type Fact,
  type FactName,
  type FactsOfPeer,
  type FactValues,
  known,
  type UnknownFact,
} from './fact.ts';
import type { Rule } from './policy-reader.ts';

/** Every kind of finding. */
export type FindingCode =
  /** A deny rule needs a fact that is never known here: where nothing else settles it, it keeps everybody out. */
  | 'deny-never-known'
  /** An allow rule needs a fact that is never known here: where nothing else settles it, it lets nobody in. */
  | 'allow-never-known'
  /** Root is let in by name, and root of a container without a user namespace is root too. */
  | 'root-of-any-namespace';

/** Something to tell whoever wrote the policy. */
export interface Finding {
  readonly code: FindingCode;
  /** The rule that it is about: `rules[2]`. */
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

/**
 * Root of a container that shares what a container can share with its host: the user namespace, and every other one but
 * that of mounts, without which it would be no container. Nothing else is known of it.
 */
const ROOT_ELSEWHERE: FactsOfPeer = {
  fact<N extends FactName>(name: N): Fact<FactValues[N]> {
    const found: Fact<unknown> | undefined = TOLD_OF_ROOT[name];
    return (found ?? UNTOLD_OF_ROOT) as Fact<FactValues[N]>;
  },
};

const TOLD_OF_ROOT: { readonly [N in FactName]?: Fact<FactValues[N]> } = {
  uid: known(0),
  gid: known(0),
  groups: known([0]),
  namespaces: known({ user: true, pid: true, mnt: false, net: true, ipc: true, uts: true, cgroup: true }),
};

const UNTOLD_OF_ROOT: UnknownFact = { known: false, reason: 'not-provided', detail: 'it could be anything' };

const verdictOn = ({ condition }: { readonly condition: Condition }): Verdict =>
  condition.test(ROOT_ELSEWHERE, []);

const ELSEWHERE =
  'root of a container without a user namespace is uid 0 and gid 0 too; sameNamespaces keeps it out where namespaces can be told';

/** Where root is let in by name, and may come from a container. */
function rootElsewhere(rules: readonly Rule[]): readonly Finding[] {
  if (rules.some(rule => rule.effect === 'deny' && verdictOn(rule) === 'yes')) return [];
  return rules.flatMap(rule => {
    if (rule.effect === 'deny' || verdictOn(rule) === 'no') return [];
    const naming = rule.mentions.root
      ? [rule]
      : (rule.map?.entries ?? []).filter(entry => entry.mentions.root && verdictOn(entry) !== 'no');
    return naming.map(({ path }) =>
      Object.freeze({ code: 'root-of-any-namespace' as const, path, message: ELSEWHERE }),
    );
  });
}

/** What there is to say about the rules of a policy, in their order. */
export function findingsOf(rules: readonly Rule[], circumstances: Circumstances): readonly Finding[] {
  return [...rules.flatMap(rule => neverKnown(rule, circumstances)), ...rootElsewhere(rules)];
}
