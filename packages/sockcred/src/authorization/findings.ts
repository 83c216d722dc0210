/**
 * What should be said about a policy when it is loaded, though it can be used:
 * rules about facts that nobody here will ever know, and root let in from anywhere.
 */

import { escapeText } from '../credentials/format.ts';
import type { Circumstances } from './circumstances.ts';
import type { Mentions } from './condition-reader.ts';
import type { FactName } from './fact.ts';
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

/** What there is to say about one rule. */
export function findingsOf(rule: Rule, mentions: Mentions, { never }: Circumstances): readonly Finding[] {
  const findings: Finding[] = [];
  const conditions = [rule.condition, ...(rule.map?.entries ?? []).map(({ condition }) => condition)];
  for (const fact of new Set(conditions.flatMap(({ facts }) => facts))) {
    const why = never?.(fact);
    if (why === undefined) continue;
    const { code, consequence } = NEVER_KNOWN[rule.effect];
    const message = `${fact} is never known here (${escapeText(why.detail)}): ${consequence}`;
    findings.push(Object.freeze({ code, path: rule.path, fact, message }));
  }
  if (rule.effect === 'allow' && mentions.rootUser && !mentions.sameNamespaces) {
    const message =
      'root of a container without a user namespace is uid 0 too; sameNamespaces: true keeps it out where namespaces can be told';
    findings.push(Object.freeze({ code: 'root-of-any-namespace', path: rule.path, message }));
  }
  return findings;
}
