/**
 * From the kernel's answers to a value: pure. Here every "none" that looks
 * like an id becomes an absent field with its reason: uid 4294967295, pid 0,
 * the overflow id of a user namespace, a group list that may lack entries.
 */

import { NO_ID } from '../ids.ts';
import type { IdView } from '../sys/id-view.ts';
import type { PeerAnswers } from '../sys/peer-answers.ts';
import { type Evidence, type PeerEvidence, peerEvidence, unknown } from './evidence.ts';
import { type Facts, factsUnder, unanswered } from './facts.ts';
import { completeGroups } from './groups.ts';
import { HIDDEN_GID, HIDDEN_PID, HIDDEN_UID } from './hidden.ts';
import { securityLabel } from './label.ts';
import type { OtherIds, PeerCredentials, PeerFacts } from './peer-credentials.ts';
import type { Role } from './role.ts';
import type { SystemFacts } from './systems.ts';

const NO_UID = unknown('not-provided', 'the kernel recorded no user for this socket');
const NO_GID = unknown('not-provided', 'the kernel recorded no group for this socket');
const NO_PID = unknown('not-provided', 'the kernel recorded no process for this socket');
const HIDDEN_GROUP = unknown(
  'hidden',
  'at least one group has no mapping in our user namespace: the list would lack it',
);
const NO_PRIMARY = unknown('not-provided', 'the primary group is unknown: the list would lack it');
const NO_LABEL = unknown('not-provided', 'the security module gave this socket no label');
const LABEL_OF_A_PAIR = unknown(
  'ambiguous',
  'before Linux 4.17 the ends of a socketpair have no label of who made them, and look like others',
);
const NO_OTHER_IDS = unknown('not-provided', 'the kernel did not tell all real and saved ids');
const NO_ZONE = unknown('not-provided', 'the kernel did not tell the zone');
const OURSELVES = unknown(
  'ambiguous',
  'this process is recorded, and kernels of this system have named the asking client instead of its listener',
);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function uidEvidence(answers: PeerAnswers, view: IdView, { ids }: Facts): Evidence {
  if (!ids.told) return ids.evidence;
  if (answers.credentials.kind !== 'answered') return unanswered(ids, answers.credentials);
  if (answers.uid === NO_ID) return NO_UID;
  return answers.uid === view.overflowUid ? HIDDEN_UID : ids.evidence;
}

function gidEvidence(answers: PeerAnswers, view: IdView, { ids }: Facts): Evidence {
  if (!ids.told) return ids.evidence;
  if (answers.credentials.kind !== 'answered') return unanswered(ids, answers.credentials);
  if (answers.gid === NO_ID) return NO_GID;
  return answers.gid === view.overflowGid ? HIDDEN_GID : ids.evidence;
}

function pidEvidence(answers: PeerAnswers, system: SystemFacts, { pid }: Facts): Evidence {
  if (!pid.told) return pid.evidence;
  if (answers.credentials.kind !== 'answered') return unanswered(pid, answers.credentials);
  if (answers.pid > 0 && answers.pid <= 0x7fffffff) return pid.evidence;
  const nobody = answers.uid === NO_ID && answers.gid === NO_ID;
  return nobody || !system.pidNamespaces ? NO_PID : HIDDEN_PID;
}

function groupsEvidence(
  answers: PeerAnswers,
  gid: Evidence,
  list: readonly number[] | undefined,
  { groups }: Facts,
): Evidence {
  if (!groups.told) return groups.evidence;
  if (answers.groups.kind !== 'answered') return unanswered(groups, answers.groups);
  if (!gid.known) return NO_PRIMARY;
  return list === undefined ? HIDDEN_GROUP : groups.evidence;
}

function labelEvidence(answers: PeerAnswers, { pairsLabelled }: Circumstances, { label }: Facts): Evidence {
  if (!label.told) return label.evidence;
  if (answers.label.kind !== 'answered') return unanswered(label, answers.label);
  if (!pairsLabelled) return LABEL_OF_A_PAIR;
  return answers.labelLength === 0 ? NO_LABEL : label.evidence;
}

function otherIdsEvidence({ more, otherIds: ids }: PeerAnswers, { otherIds }: Facts): Evidence {
  if (!otherIds.told) return otherIds.evidence;
  if (more.kind !== 'answered') return unanswered(otherIds, more);
  return Object.values(ids).includes(NO_ID) ? NO_OTHER_IDS : otherIds.evidence;
}

function zoneEvidence({ more, zone: id }: PeerAnswers, { zone }: Facts): Evidence {
  if (!zone.told) return zone.evidence;
  if (more.kind !== 'answered') return unanswered(zone, more);
  return id < 0 ? NO_ZONE : zone.evidence;
}

/** What is known about the asking side when answers are decoded. */
export interface Circumstances {
  readonly system: SystemFacts;
  readonly view: IdView;
  /** The recorded process id is that of this process. */
  readonly pidIsOurs: boolean;
  /** This kernel gives the ends of a socketpair a label: Linux 4.17, elsewhere no label is told. */
  readonly pairsLabelled: boolean;
}

/** Whether the ids may be our own though they should be a listener's. */
export function mayBeOurselves({ system, pidIsOurs }: Circumstances, { role }: Role): boolean {
  return system.listenerMayBeOurselves && pidIsOurs && role !== 'connector' && role !== 'creator';
}

/** The value that the answers about one connected socket amount to. */
export function decodePeer(answers: PeerAnswers, around: Circumstances, told: Role): PeerCredentials {
  const { system, view } = around;
  const { role, evidence: roleFact } = told;
  const facts = factsUnder(system, role);
  const doubt = mayBeOurselves(around, told) ? OURSELVES : undefined;
  const uid = doubt ?? uidEvidence(answers, view, facts);
  const gid = doubt ?? gidEvidence(answers, view, facts);
  const pid = doubt ?? pidEvidence(answers, system, facts);
  const label = labelEvidence(answers, around, facts);
  const list =
    gid.known && facts.groups.told && answers.groups.kind === 'answered'
      ? completeGroups(answers.groupList, answers.groupCount, answers.gid, view.overflowGid)
      : undefined;
  const groups = groupsEvidence(answers, gid, list, facts);
  const otherIds = otherIdsEvidence(answers, facts);
  const zone = zoneEvidence(answers, facts);

  const peer: Partial<Mutable<PeerFacts>> = {};
  if (uid.known) peer.uid = answers.uid;
  if (gid.known) peer.gid = answers.gid;
  if (pid.known) peer.pid = answers.pid;
  if (list !== undefined) peer.groups = list;
  if (label.known) peer.label = securityLabel(answers.labelBytes.subarray(0, answers.labelLength));
  if (otherIds.known) peer.otherIds = Object.freeze<OtherIds>({ ...answers.otherIds });
  if (zone.known) peer.zone = answers.zone;
  if (role !== undefined) peer.role = role;
  peer.evidence = peerEvidence(uid, gid, pid, groups, label, otherIds, zone, roleFact);
  return Object.freeze(peer) as PeerCredentials;
}

/** The same facts under another role: only whom they are about and when they were captured changes. */
export function withRole(
  peer: PeerCredentials,
  system: SystemFacts,
  { role, evidence: roleFact }: Role,
): PeerCredentials {
  const { role: _, evidence, ...values } = peer;
  const facts = factsUnder(system, role);
  const again = (field: keyof PeerEvidence, question: keyof Facts): Evidence =>
    evidence[field].known ? facts[question].evidence : evidence[field];
  const copy: Partial<Mutable<PeerFacts>> = { ...values };
  if (role !== undefined) copy.role = role;
  copy.evidence = peerEvidence(
    again('uid', 'ids'),
    again('gid', 'ids'),
    again('pid', 'pid'),
    again('groups', 'groups'),
    again('label', 'label'),
    again('otherIds', 'otherIds'),
    again('zone', 'zone'),
    roleFact,
  );
  return Object.freeze(copy) as PeerCredentials;
}
