/** May this peer? The answer, with the rule that gave it and why every rule that was tried did or did not match. */

import { escapeText } from '../credentials/format.ts';
import type { Because, Verdict } from './condition.ts';
import type { Effect } from './policy-reader.ts';

/** Why a decision came out as it did. */
export type DecisionReason =
  /** An allow rule holds, and no deny rule might. */
  | 'allowed'
  /** A deny rule holds. */
  | 'denied'
  /** A deny rule may hold: a fact that it needs is unknown. */
  | 'deny-unknown'
  /** No rule lets the peer in. */
  | 'no-rule';

/** A rule that was tried on a peer. */
export interface TriedRule {
  /** Its place in the policy, from 0. */
  readonly index: number;
  readonly effect: Effect;
  readonly name?: string;
  /** Does it hold of the peer? Only `yes` lets anybody in; only `no` keeps a deny rule from denying. */
  readonly verdict: Verdict;
  readonly because: readonly Because[];
}

/** Plain frozen data. */
export interface Decision {
  readonly allowed: boolean;
  readonly reason: DecisionReason;
  /** The rule that decided; absent for `no-rule`, and where a function decided. */
  readonly rule?: TriedRule;
  /** Local roles, from the map of the deciding rule; none for whoever is kept out. */
  readonly roles: readonly string[];
  /** All rules up to the deciding one: deny rules first, in their order, then allow rules. */
  readonly tried: readonly TriedRule[];
}

function ruleName({ index, name, effect }: TriedRule): string {
  return `${effect} rule ${index}${name === undefined ? '' : ` '${escapeText(name)}'`}`;
}

function headline({ allowed, reason, rule, roles }: Decision): string {
  if (reason === 'no-rule') return 'denied: no rule lets this peer in';
  if (rule === undefined) return `${allowed ? 'allowed' : 'denied'} by the program`;
  if (allowed)
    return `allowed by ${ruleName(rule)}${roles.length === 0 ? '' : ` as ${roles.map(escapeText).join(', ')}`}`;
  if (reason === 'denied') return `denied by ${ruleName(rule)}`;
  return `denied: ${ruleName(rule)} cannot be evaluated`;
}

/**
 * A decision as lines of text for a person, without a final newline: what was
 * decided, then every rule that was tried with its questions.
 *
 * @example
 * ```ts
 * import { definePolicy, formatDecision } from 'sockcred/authorization';
 * import { madeUpPeer } from 'sockcred/testing';
 *
 * const policy = definePolicy({ rules: [{ effect: 'allow', user: 1000 }] });
 * console.log(formatDecision(policy.decide(madeUpPeer({ uid: 1001 }))));
 * ```
 */
export function formatDecision(decision: Decision): string {
  const lines = [headline(decision)];
  for (const rule of decision.tried) {
    lines.push(`  ${ruleName(rule)}: ${rule.verdict}`);
    for (const { path, verdict, detail } of rule.because) lines.push(`    ${path}: ${verdict}: ${detail}`);
  }
  return lines.join('\n');
}
