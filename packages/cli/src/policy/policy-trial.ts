/** Tries a policy on somebody, and lets nobody in: on who is there now, or on who was written down. */

import { escapeText, type Peer, type PeerJson, peerToJson } from 'sockcred';
import type { Decision, Fact, FactName, OtherWitnesses, Policy } from 'sockcred/authorization';
import { asIfConnected, madeUpPeer } from 'sockcred/testing';
import { identifyPeer } from 'sockcred/witnesses';
import { readRecord } from '../peer-record.ts';
import { summary } from '../peer-summary.ts';
import { userInFiles } from '../user-in-files.ts';
import { atListener, behindDescriptor, type Target, withProcess } from '../who-target.ts';

/** A fact that the policy is about and that could not be told. */
export interface Missing {
  readonly fact: FactName;
  readonly reason: string;
  readonly detail: string;
}

/** What came of it. */
export interface Trial {
  /** Who it was tried on, as a sentence. */
  readonly title: string;
  /** What that is not; empty where there is nothing to say. */
  readonly note: string;
  readonly peer: PeerJson;
  readonly decision: Decision;
  /** Of all that the policy is about, whether or not the decision needed it. */
  readonly missing: readonly Missing[];
}

const LISTENER = `This is whoever called listen(). What a guard decides about is who connects.`;
const SUPPOSED = `There is no connection: this is what would be decided if the process connected now. A socket would tell
also its label, and which child of the guard it is.`;
const RECORDED = `A record tells what was so when it was made. Namespaces and child processes are in none.`;

const LOGGED_IN = `There is no process: a user and its groups, by /etc/passwd and /etc/group. Processes may have others.`;

/** Each fact is asked for once, so that the decision and what is said of it are about the same answers. */
function remembered(others: OtherWitnesses): OtherWitnesses {
  const answers = new Map<string, Fact<unknown>>();
  return Object.fromEntries(
    Object.entries(others).map(([name, ask]) => [
      name,
      () => {
        const answer = answers.get(name) ?? (ask as () => Fact<unknown>)();
        answers.set(name, answer);
        return answer;
      },
    ]),
  ) as OtherWitnesses;
}

const NOT_TOLD = { known: false, reason: 'not-provided', detail: 'nothing here tells it' } as const;

function missingOf(policy: Policy, peer: Peer, others: OtherWitnesses): readonly Missing[] {
  const { evidence } = peerToJson(peer);
  return [...policy.facts].flatMap(fact => {
    const told =
      fact in evidence
        ? evidence[fact as keyof typeof evidence]
        : (others[fact as keyof OtherWitnesses]?.() ?? NOT_TOLD);
    return told.known ? [] : [{ fact, reason: told.reason, detail: told.detail }];
  });
}

function tryOn(policy: Policy, peer: Peer, told: OtherWitnesses, title: string, note: string): Trial {
  const others = remembered(told);
  const decision = policy.decide(peer, others);
  return { title, note, peer: peerToJson(peer), decision, missing: missingOf(policy, peer, others) };
}

/** On who is there now. */
export function tryOnTarget(policy: Policy, target: Target): Trial {
  switch (target.kind) {
    case 'path':
      return atListener(target.path, (fd, peer) => {
        const title = `${escapeText(target.path)} is listened on by ${summary(peer)}.`;
        return tryOn(policy, peer, identifyPeer(peer, fd), title, LISTENER);
      });
    case 'descriptor': {
      const { pid, fd } = target;
      return behindDescriptor(pid, fd, (duplicate, peer) => {
        const title = `At the other end of descriptor ${fd} of process ${pid} is ${summary(peer)}.`;
        return tryOn(policy, peer, identifyPeer(peer, duplicate), title, '');
      });
    }
    default: {
      const { pid } = target;
      return withProcess(pid, held => {
        const { peer, others } = asIfConnected(held);
        return tryOn(policy, peer, others, `Process ${pid}, as it is now: ${summary(peer)}.`, SUPPOSED);
      });
    }
  }
}

/** On a user as it would be after a login. */
export function tryOnUser(policy: Policy, name: string): Trial {
  const peer = madeUpPeer(userInFiles('--user', name));
  return tryOn(policy, peer, {}, `User ${escapeText(name)}, as after a login: ${summary(peer)}.`, LOGGED_IN);
}

/** On who was written down: JSON itself, a file of it, or `-` for what comes on stdin. */
export function tryOnRecord(policy: Policy, word: string): Trial {
  const { peer, others } = readRecord(word);
  return tryOn(policy, peer, others, `A record of ${summary(peer)}.`, RECORDED);
}
