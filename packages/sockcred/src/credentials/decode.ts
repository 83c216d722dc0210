/**
 * From the kernel's answers to a value: pure. Here every "none" that looks
 * like an id becomes an absent field with its reason: uid 4294967295, pid 0,
 * the overflow id of a user namespace, a group list that may lack entries.
 */

import type { IdView } from '../sys/id-view.ts';
import type { Outcome } from '../sys/outcome.ts';
import type { PeerAnswers } from '../sys/peer-answers.ts';
import { type Evidence, known, type PeerRole, peerEvidence, unknown } from './evidence.ts';
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

/** Outcomes are the same object for the same status, so each is put into words once. */
const worded: Readonly<Record<Option, Map<Outcome, Evidence>>> = {
  SO_PEERCRED: new Map(),
  SO_PEERGROUPS: new Map(),
  SO_PEERSEC: new Map(),
};

/** Why a question without an answer has none. */
function unanswered(option: Option, outcome: Outcome): Evidence {
  let evidence = worded[option].get(outcome);
  if (evidence === undefined) {
    evidence = inWords(option, outcome);
    worded[option].set(outcome, evidence);
  }
  return evidence;
}

function inWords(option: Option, outcome: Outcome): Evidence {
  switch (outcome.kind) {
    case 'unsupported':
      return unknown('unsupported', `no answer to ${option} on this system`);
    case 'no-data':
      return unknown('not-provided', `${option} has no answer for this socket`);
    case 'maybe-incomplete':
      return unknown('maybe-incomplete', 'the system caps its list of groups, and this one reached the cap');
    case 'gone':
      return unknown('gone', `the process was gone when ${option} was asked`);
    case 'bad-length':
      return unknown('refused', `the answer to ${option} had the wrong length`);
    default:
      return unknown('refused', `${option}: ${outcome.errno ?? 'no answer'}`);
  }
}

function uidEvidence(answers: PeerAnswers, view: IdView, role: PeerRole | undefined): Evidence {
  if (answers.credentials.kind !== 'answered') return unanswered('SO_PEERCRED', answers.credentials);
  if (answers.uid === NO_ID) return NO_UID;
  return answers.uid === view.overflowUid ? HIDDEN_UID : known('SO_PEERCRED', role);
}

function gidEvidence(answers: PeerAnswers, view: IdView, role: PeerRole | undefined): Evidence {
  if (answers.credentials.kind !== 'answered') return unanswered('SO_PEERCRED', answers.credentials);
  if (answers.gid === NO_ID) return NO_GID;
  return answers.gid === view.overflowGid ? HIDDEN_GID : known('SO_PEERCRED', role);
}

function pidEvidence(answers: PeerAnswers, role: PeerRole | undefined): Evidence {
  if (answers.credentials.kind !== 'answered') return unanswered('SO_PEERCRED', answers.credentials);
  if (answers.pid > 0 && answers.pid <= 0x7fffffff) return known('SO_PEERCRED', role);
  return answers.uid === NO_ID && answers.gid === NO_ID ? NO_PID : FOREIGN_PID;
}

/**
 * Primary and supplementary groups as one ascending list without duplicates,
 * or undefined if one of them is `hidden`. The kernel sorts by its own ids,
 * which a user namespace may have turned round.
 */
function completeGroups(
  list: Uint32Array,
  count: number,
  primary: number,
  hidden: number | undefined,
): readonly number[] | undefined {
  const groups: number[] = [];
  let last = -1;
  let primaryMissing = true;
  let ascending = true;
  for (let index = 0; index < count; index++) {
    const gid = list[index] ?? NO_ID;
    if (gid === NO_ID || gid === hidden) return undefined;
    if (primaryMissing && gid >= primary) {
      primaryMissing = false;
      if (gid !== primary) groups.push(primary);
    }
    if (gid < last) ascending = false;
    if (gid !== last) groups.push(gid);
    last = gid;
  }
  if (primaryMissing) groups.push(primary);
  if (ascending) return Object.freeze(groups);
  return Object.freeze([...new Set(groups)].sort((a, b) => a - b));
}

function groupsEvidence(
  answers: PeerAnswers,
  gid: Evidence,
  groups: readonly number[] | undefined,
  role: PeerRole | undefined,
): Evidence {
  if (answers.groups.kind !== 'answered') return unanswered('SO_PEERGROUPS', answers.groups);
  if (!gid.known) return NO_PRIMARY;
  return groups === undefined ? HIDDEN_GROUP : known('SO_PEERGROUPS', role);
}

function labelEvidence(answers: PeerAnswers, role: PeerRole | undefined): Evidence {
  if (answers.label.kind !== 'answered') return unanswered('SO_PEERSEC', answers.label);
  return answers.labelLength === 0 ? NO_LABEL : known('SO_PEERSEC', role);
}

/** The value that the answers about one connected socket amount to. */
export function decodePeer(
  answers: PeerAnswers,
  view: IdView,
  { role, evidence: roleFact }: Role,
): PeerCredentials {
  const uid = uidEvidence(answers, view, role);
  const gid = gidEvidence(answers, view, role);
  const pid = pidEvidence(answers, role);
  const label = labelEvidence(answers, role);
  const groups =
    gid.known && answers.groups.kind === 'answered'
      ? completeGroups(answers.groupList, answers.groupCount, answers.gid, view.overflowGid)
      : undefined;
  const groupsFact = groupsEvidence(answers, gid, groups, role);

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
  const { role: _, evidence, ...facts } = peer;
  const again = (fact: Evidence): Evidence => (fact.known ? known(fact.source, role) : fact);
  const copy: Partial<Mutable<PeerFacts>> = { ...facts };
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
