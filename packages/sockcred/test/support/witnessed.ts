/** Policies about real processes: what they decide by the facts that are told of whoever is connected. */

import type { Socket } from 'node:net';
import { peerCredentials } from 'sockcred';
import {
  type ConditionData,
  type Decision,
  definePolicy,
  type FactName,
  type PolicyData,
  type RuleData,
} from 'sockcred/authorization';
import { identifyPeer, peerWitnesses } from 'sockcred/witnesses';

/** A policy of these rules, with every fact that can be told of a process. */
export function policy(...rules: readonly RuleData[]) {
  return definePolicy({ rules } as PolicyData, { witnesses: peerWitnesses() });
}

/** What such a policy decides about who is at the other end. */
export function decide(socket: Socket, ...rules: readonly RuleData[]): Decision {
  const peer = peerCredentials(socket, { side: 'accepted' });
  return policy(...rules).decide(peer, identifyPeer(peer, socket));
}

/** A rule that lets in, and what it believes though it could be forged. */
export const allow = (condition: ConditionData, ...believeForgeable: readonly FactName[]): RuleData => ({
  effect: 'allow',
  ...condition,
  ...(believeForgeable.length === 0 ? {} : { believeForgeable }),
});

/** The verdict of the one rule there is. */
export const verdict = (socket: Socket, rule: RuleData) => decide(socket, rule).tried[0]?.verdict;

/** Does a deny rule keep them out, if everybody else may come in? */
export const denied = (socket: Socket, condition: ConditionData) =>
  decide(socket, { effect: 'deny', ...condition }, allow({ everyone: true })).reason;
