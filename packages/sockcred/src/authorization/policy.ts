/**
 * A policy that is in force: may this peer? Pure. Whom a deny rule keeps out,
 * or might keep out if more were known, no allow rule lets in, whatever their
 * order; whom no allow rule is known to hold of stays out.
 */

import type { Peer } from '../credentials/questions.ts';
import type { Circumstances } from './circumstances.ts';
import { type Because, type Captures, weighed } from './condition.ts';
import type { Decision, DecisionReason, TriedRule } from './decision.ts';
import type { FactName, OtherWitnesses } from './fact.ts';
import type { Finding } from './findings.ts';
import { type MapEntry, type RoleMap, type Rule, readPolicy } from './policy-reader.ts';
import { Subject } from './subject.ts';

/** Rules that have been read and checked. It never changes: another policy is another object. */
export interface Policy {
  /**
   * Decides about a peer. Never throws: a witness that fails has told nothing.
   *
   * @param others facts besides the peer's credentials, from whoever can tell them.
   */
  decide(peer: Peer, others?: OtherWitnesses): Decision;
  /** The facts that its rules are about. */
  readonly facts: ReadonlySet<FactName>;
  /** What should be told to whoever wrote it. */
  readonly findings: readonly Finding[];
}

const NO_ROLES: readonly string[] = Object.freeze([]);

/**
 * Reads a policy against circumstances that the caller knows; pure.
 * `definePolicy()` does it for this process on this machine.
 *
 * @throws {@link PolicyError} with every fault and the path to it. Nothing of a faulty policy is in force.
 *
 * @example
 * ```ts
 * import { compilePolicy } from 'sockcred/authorization';
 * import { madeUpPeer } from 'sockcred/testing';
 *
 * const names = { user: () => undefined, group: (name: string) => (name === 'staff' ? 50 : undefined) };
 * const policy = compilePolicy({ rules: [{ effect: 'allow', group: 'staff' }] }, { names });
 * console.log(policy.decide(madeUpPeer({ uid: 1000, gid: 50 })).allowed); // true
 * ```
 */
export function compilePolicy(data: unknown, circumstances: Circumstances): Policy {
  const { rules, findings } = readPolicy(data, circumstances);
  const ordered = [
    ...rules.filter(({ effect }) => effect === 'deny'),
    ...rules.filter(({ effect }) => effect === 'allow'),
  ];
  const facts = new Set(rules.flatMap(rule => factsOf(rule)));
  return Object.freeze({
    decide: (peer: Peer, others?: OtherWitnesses) => decide(ordered, new Subject(peer, others)),
    facts,
    findings: Object.freeze(findings),
  });
}

function factsOf({ condition, map }: Rule): readonly FactName[] {
  return [...condition.facts, ...(map?.entries ?? []).flatMap(entry => entry.condition.facts)];
}

function decide(rules: readonly Rule[], subject: Subject): Decision {
  const tried: TriedRule[] = [];
  for (const rule of rules) {
    const { result, roles } = tryRule(rule, subject);
    tried.push(result);
    const reason = settled(result);
    if (reason !== undefined) return decision(reason, tried, result, roles);
  }
  return decision('no-rule', tried, undefined, NO_ROLES);
}

/** What a rule settles, if anything. An unknown deny rule denies; an unknown allow rule says nothing. */
function settled({ effect, verdict }: TriedRule): DecisionReason | undefined {
  if (effect === 'allow') return verdict === 'yes' ? 'allowed' : undefined;
  if (verdict === 'no') return undefined;
  return verdict === 'yes' ? 'denied' : 'deny-unknown';
}

function decision(
  reason: DecisionReason,
  tried: readonly TriedRule[],
  rule: TriedRule | undefined,
  roles: readonly string[],
): Decision {
  return Object.freeze({
    allowed: reason === 'allowed',
    reason,
    ...(rule === undefined ? {} : { rule }),
    roles,
    tried: Object.freeze(tried),
  });
}

function tryRule(
  rule: Rule,
  subject: Subject,
): { readonly result: TriedRule; readonly roles: readonly string[] } {
  const because: Because[] = [];
  let verdict = rule.condition.test(subject, because);
  let roles = NO_ROLES;
  if (verdict === 'yes' && rule.map !== undefined) {
    roles = rolesFrom(rule.map, subject, because);
    if (roles.length === 0) {
      verdict = 'no';
      const detail = 'the map gives this peer no role';
      because.push(Object.freeze({ path: `${rule.path}.map`, verdict, detail }));
    }
  }
  const { index, effect, name } = rule;
  const result = Object.freeze({
    index,
    effect,
    ...(name === undefined ? {} : { name }),
    verdict,
    because: Object.freeze(because),
  });
  return { result, roles };
}

function rolesFrom({ entries }: RoleMap, subject: Subject, because: Because[]): readonly string[] {
  const roles = new Set<string>();
  for (const entry of entries) {
    if (entry.condition.test(subject, because) !== 'yes') continue;
    const captures = capturesOf(entry, subject);
    for (const template of entry.roles) {
      const role = template.fill(captures);
      if (role !== undefined && role !== '') roles.add(role);
    }
  }
  return Object.freeze([...roles]);
}

/** What the entry's pattern matched. The fact is the one that the condition saw. */
function capturesOf({ pattern }: MapEntry, subject: Subject): Captures {
  if (pattern === undefined) return [];
  // Weighed as in the condition, which may hold for another reason: a role is trust as well.
  const fact = weighed(subject, pattern.property, pattern.authority);
  return fact.known && typeof fact.value === 'string' ? (pattern.wanted.match(fact.value) ?? []) : [];
}
