/**
 * From the kernel's answers to a value: pure. Here every "none" that looks
 * like an id becomes an absent field with its reason: uid 4294967295, pid 0,
 * the overflow id of a user namespace, a group list that may lack entries.
 */

import type { IdView } from '../sys/id-view.ts';
import type { Outcome } from '../sys/outcome.ts';
import type { PeerAnswers } from '../sys/peer-answers.ts';
import { type Evidence, type KnownFacts, knownFacts, peerEvidence, unknown } from './evidence.ts';
import { completeGroups } from './groups.ts';
import { securityLabel } from './label.ts';
import type { PeerCredentials, PeerFacts } from './peer-credentials.ts';
import type { Role } from './role.ts';

/** (uid_t)-1 and (gid_t)-1: no id at all. */
const NO_ID = 0xffffffff;

const NO_UID = unknown('not-provided', 'the kernel recorded no user for this socket');
const NO_GID = unknown('not-provided', 'the kernel recorded no group for this socket');
const NO_PID = unknown('not-provided', 'the kernel recorded no process for this socket');
const FOREIGN_PID = unknown('hidden', 'the process is in a pid namespace that cannot be seen from here');
const HIDDEN_UID = unknown(
  'hidden',
  'the overflow id: a user without a mapping in our user namespace, or one whose id that is',
);
const HIDDEN_GID = unknown(
  'hidden',
  'the overflow id: a group without a mapping in our user namespace, or one whose id that is',
);
const HIDDEN_GROUP = unknown(
  'hidden',
  'at least one group has no mapping in our user namespace: the list would lack it',
);
const NO_PRIMARY = unknown('not-provided', 'the primary group is unknown: the list would lack it');
const NO_LABEL = unknown('not-provided', 'the security module gave this socket no label');

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

type Option = 'SO_PEERCRED' | 'SO_PEERGROUPS' | 'SO_PEERSEC';

interface Reasons {
  readonly option: Option;
  readonly unsupported: Evidence;
  readonly noData: Evidence;
  readonly gone: Evidence;
  readonly badLength: Evidence;
}

function reasonsFor(option: Option): Reasons {
  return {
    option,
    unsupported: unknown('unsupported', `no answer to ${option} on this system`),
    noData: unknown('not-provided', `${option} has no answer for this socket`),
    gone: unknown('gone', `the process was gone when ${option} was asked`),
    badLength: unknown('refused', `the answer to ${option} had the wrong length`),
  };
}

const CREDENTIALS = reasonsFor('SO_PEERCRED');
const GROUPS = reasonsFor('SO_PEERGROUPS');
const LABEL = reasonsFor('SO_PEERSEC');
const CAPPED = unknown(
  'maybe-incomplete',
  'the system caps its list of groups, and this one reached the cap',
);

/** Why a question without an answer has none. */
function unanswered(reasons: Reasons, outcome: Outcome): Evidence {
  switch (outcome.kind) {
    case 'unsupported':
      return reasons.unsupported;
    case 'no-data':
      return reasons.noData;
    case 'maybe-incomplete':
      return CAPPED;
    case 'gone':
      return reasons.gone;
    case 'bad-length':
      return reasons.badLength;
    default:
      return unknown('refused', `${reasons.option}: ${outcome.errno ?? 'no answer'}`);
  }
}

function uidEvidence(answers: PeerAnswers, view: IdView, facts: KnownFacts): Evidence {
  if (answers.uid === NO_ID) return NO_UID;
  return answers.uid === view.overflowUid ? HIDDEN_UID : facts.SO_PEERCRED;
}

function gidEvidence(answers: PeerAnswers, view: IdView, facts: KnownFacts): Evidence {
  if (answers.gid === NO_ID) return NO_GID;
  return answers.gid === view.overflowGid ? HIDDEN_GID : facts.SO_PEERCRED;
}

function pidEvidence(answers: PeerAnswers, facts: KnownFacts): Evidence {
  if (answers.pid > 0 && answers.pid <= 0x7fffffff) return facts.SO_PEERCRED;
  return answers.uid === NO_ID && answers.gid === NO_ID ? NO_PID : FOREIGN_PID;
}

function groupsEvidence(
  answers: PeerAnswers,
  gid: Evidence,
  groups: readonly number[] | undefined,
  facts: KnownFacts,
): Evidence {
  if (answers.groups.kind !== 'answered') return unanswered(GROUPS, answers.groups);
  if (!gid.known) return NO_PRIMARY;
  return groups === undefined ? HIDDEN_GROUP : facts.SO_PEERGROUPS;
}

function labelEvidence(answers: PeerAnswers, facts: KnownFacts): Evidence {
  if (answers.label.kind !== 'answered') return unanswered(LABEL, answers.label);
  return answers.labelLength === 0 ? NO_LABEL : facts.SO_PEERSEC;
}

/** The value that the answers about one connected socket amount to. */
export function decodePeer(
  answers: PeerAnswers,
  view: IdView,
  { role, evidence: roleFact }: Role,
): PeerCredentials {
  const facts = knownFacts(role);
  const { credentials } = answers;
  const refused = credentials.kind === 'answered' ? undefined : unanswered(CREDENTIALS, credentials);
  const uid = refused ?? uidEvidence(answers, view, facts);
  const gid = refused ?? gidEvidence(answers, view, facts);
  const pid = refused ?? pidEvidence(answers, facts);
  const label = labelEvidence(answers, facts);
  const groups =
    gid.known && answers.groups.kind === 'answered'
      ? completeGroups(answers.groupList, answers.groupCount, answers.gid, view.overflowGid)
      : undefined;
  const groupsFact = groupsEvidence(answers, gid, groups, facts);

  const peer: Partial<Mutable<PeerFacts>> = {};
  if (uid.known) peer.uid = answers.uid;
  if (gid.known) peer.gid = answers.gid;
  if (pid.known) peer.pid = answers.pid;
  if (groups !== undefined) peer.groups = groups;
  if (label.known) peer.label = securityLabel(answers.labelBytes.subarray(0, answers.labelLength));
  if (role !== undefined) peer.role = role;
  peer.evidence = peerEvidence(uid, gid, pid, groupsFact, label, roleFact);
  return Object.freeze(peer) as PeerCredentials;
}

/** The same facts under another role: only whom they are about and when they were captured changes. */
export function withRole(peer: PeerCredentials, { role, evidence: roleFact }: Role): PeerCredentials {
  const { role: _, evidence, ...values } = peer;
  const facts = knownFacts(role);
  const again = (fact: Evidence): Evidence => (fact.known ? facts[fact.source] : fact);
  const copy: Partial<Mutable<PeerFacts>> = { ...values };
  if (role !== undefined) copy.role = role;
  copy.evidence = peerEvidence(
    again(evidence.uid),
    again(evidence.gid),
    again(evidence.pid),
    again(evidence.groups),
    again(evidence.label),
    roleFact,
  );
  return Object.freeze(copy) as PeerCredentials;
}
