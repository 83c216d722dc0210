/**
 * Who sent a message: credentials that travelled with it, vouched for by the
 * kernel, true at the moment of sending. They are another thing than those of
 * the connection (`PeerCredentials`): `uid` and `gid` are real ids where the
 * connection's are effective, and on Linux a sender may choose among its own;
 * one with privileges may claim any. Pure.
 */

import { type UnknownEvidence, type UnknownReason, unknown } from '../credentials/evidence.ts';
import { completeGroups } from '../credentials/groups.ts';
import { HIDDEN_GID, HIDDEN_PID, HIDDEN_UID } from '../credentials/hidden.ts';
import {
  type Answered,
  type SenderFacts,
  type SenderOption,
  type SystemFacts,
  systemFacts,
  type Untold,
} from '../credentials/systems.ts';
import { NO_ID } from '../ids.ts';
import type { IdView } from '../sys/id-view.ts';
import type { RawMessage } from '../sys/message-arena.ts';
import type { Outcome } from '../sys/outcome.ts';

/** The fields of a sender that may be known or unknown. */
export type SenderField = 'uid' | 'gid' | 'effectiveUid' | 'effectiveGid' | 'pid' | 'groups';

/** A field that came with the message. */
export interface SenderEvidence {
  readonly known: true;
  readonly about: 'sender';
  readonly source: SenderOption;
  readonly captured: 'send';
}

/**
 * Credentials that came with a message. A field that the kernel did not vouch
 * for is absent, and `evidence` says why: ask with `isSentBy()` instead of
 * comparing fields, since two absent fields are equal to `===`.
 */
export interface MessageCredentials {
  /** What kind of ids `uid` and `gid` are, where they are known. */
  readonly ids?: 'real';
  /**
   * Who chose them. `kernel`: nobody but the kernel fills them in, as on FreeBSD, NetBSD,
   * DragonFly and illumos. `kernel-or-sender`, on Linux: the kernel stamps the real ids of the
   * sender unless that names others of its own: real, effective or saved. A sender with
   * CAP_SETUID, CAP_SETGID or CAP_SYS_ADMIN can name any, and a process descriptor that comes
   * with the message follows the pid that it names. The receiver cannot tell which it was.
   */
  readonly chosenBy?: 'kernel' | 'kernel-or-sender';
  readonly uid?: number;
  readonly gid?: number;
  /** Where the kernel tells them beside the real ones: not on Linux. */
  readonly effectiveUid?: number;
  readonly effectiveGid?: number;
  /** Process id, in our pid namespace. By now it may name another process, or none. */
  readonly pid?: number;
  /** The effective group and all supplementary ones, ascending, where the kernel tells all: not on Linux. */
  readonly groups?: readonly number[];
  readonly evidence: Readonly<Record<SenderField, SenderEvidence | UnknownEvidence>>;
}

/** What the kernel gave with a message about its sender. */
export type SenderAnswers = Pick<
  RawMessage,
  | 'system'
  | 'credentials'
  | 'attached'
  | 'uid'
  | 'gid'
  | 'effectiveUid'
  | 'effectiveGid'
  | 'pid'
  | 'groups'
  | 'groupList'
>;

/** What is known about the receiving side. */
export interface SenderView {
  readonly view: IdView;
  /** The ids that stand for none. */
  readonly unrecorded: () => { readonly uid: number; readonly gid: number };
}

const NOT_RECORDED = unknown(
  'not-recorded',
  'the receiving socket did not ask for credentials when the message was sent',
);
const NONE_CAME = unknown('not-recorded', 'no credentials came with the message');
const CUT = unknown(
  'refused',
  'what came beside the message was cut or contradicts itself: none of it is told',
);
const UNSUPPORTED = unknown('unsupported', 'this system passes no credentials with messages');
const WITHOUT_ID = unknown('not-provided', 'the kernel gave no id');
const NO_PID = unknown('not-provided', 'the kernel gave no process id');
const NO_PRIMARY = unknown('not-provided', 'the effective group is unknown: the list would lack it');
const NO_GROUPS = unknown('not-provided', 'the kernel gave no groups');
const MANY_GROUPS = unknown('maybe-incomplete', 'there are more groups than there is room for');

function nothing(why: UnknownEvidence): MessageCredentials {
  const fields = { uid: why, gid: why, effectiveUid: why, effectiveGid: why, pid: why, groups: why };
  return Object.freeze({ evidence: Object.freeze(fields) });
}

const WITHOUT_RECORD = nothing(NOT_RECORDED);
const WITHOUT_CREDENTIALS = nothing(NONE_CAME);
const WITHOUT_BELIEF = nothing(CUT);
const WITHOUT_SUPPORT = nothing(UNSUPPORTED);

function unanswered({ kind }: Outcome): MessageCredentials {
  if (kind === 'no-data') return WITHOUT_CREDENTIALS;
  return kind === 'unsupported' ? WITHOUT_SUPPORT : WITHOUT_BELIEF;
}

const known = new Map<SenderOption, SenderEvidence>();

function knownBy(source: SenderOption): SenderEvidence {
  let evidence = known.get(source);
  if (evidence === undefined) {
    evidence = Object.freeze({ known: true, about: 'sender', source, captured: 'send' });
    known.set(source, evidence);
  }
  return evidence;
}

type Fact = SenderEvidence | UnknownEvidence;

function judge(
  id: number,
  overflow: number | undefined,
  hidden: UnknownEvidence,
  told: SenderEvidence,
): Fact {
  if (id === NO_ID) return WITHOUT_ID;
  return id === overflow ? hidden : told;
}

function never({ reason, detail }: { reason: UnknownReason; detail: string }): UnknownEvidence {
  return unknown(reason, detail);
}

/** The whole list, or why there is none. */
function groupsOf(
  { groups, groupList, effectiveGid }: SenderAnswers,
  told: Answered<SenderOption> | Untold,
): readonly number[] | UnknownEvidence {
  if (!('option' in told)) return never(told);
  if (groups.kind === 'maybe-incomplete')
    return unknown('maybe-incomplete', told.incomplete ?? 'the list of groups may lack entries');
  if (groups.kind !== 'answered') return groups.errno === 'ERANGE' ? MANY_GROUPS : NO_GROUPS;
  if (effectiveGid === NO_ID) return NO_PRIMARY;
  return completeGroups(groupList, groupList.length, effectiveGid, undefined) ?? NO_GROUPS;
}

/** Whether the kernel filled in what stands for none: on Linux that looks like somebody's ids. */
function isUnrecorded({ pid, uid, gid }: SenderAnswers, system: SystemFacts, around: SenderView): boolean {
  if (pid !== 0 || !system.pidNamespaces) return false;
  const none = around.unrecorded();
  return uid === none.uid && gid === none.gid;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Fields and evidence, of answers that are there. */
function senderOf(
  answers: SenderAnswers,
  system: SystemFacts,
  told: SenderFacts,
  { view }: SenderView,
): MessageCredentials {
  const { overflowUid, overflowGid } = view;
  const { attached = told.ids.option } = told;
  const there = knownBy(answers.attached ? attached : told.ids.option);
  const untold = 'option' in told.effectiveIds ? undefined : never(told.effectiveIds);
  const uid = judge(answers.uid, overflowUid, HIDDEN_UID, there);
  const gid = judge(answers.gid, overflowGid, HIDDEN_GID, there);
  const effectiveUid = untold ?? judge(answers.effectiveUid, overflowUid, HIDDEN_UID, there);
  const effectiveGid = untold ?? judge(answers.effectiveGid, overflowGid, HIDDEN_GID, there);
  const noPid = system.pidNamespaces ? HIDDEN_PID : NO_PID;
  const pid = answers.pid > 0 && answers.pid <= 0x7fffffff ? there : noPid;
  const sender: Mutable<Partial<MessageCredentials>> = { ids: 'real', chosenBy: told.chosenBy };
  if (uid.known) sender.uid = answers.uid;
  if (gid.known) sender.gid = answers.gid;
  if (effectiveUid.known) sender.effectiveUid = answers.effectiveUid;
  if (effectiveGid.known) sender.effectiveGid = answers.effectiveGid;
  if (pid.known) sender.pid = answers.pid;
  const list = groupsOf(answers, told.groups);
  const groups = 'known' in list ? list : there;
  if (!('known' in list)) sender.groups = list;
  sender.evidence = Object.freeze({ uid, gid, effectiveUid, effectiveGid, pid, groups });
  return Object.freeze(sender) as MessageCredentials;
}

/** The value that the answers about one message amount to. */
export function decodeSender(answers: SenderAnswers, around: SenderView): MessageCredentials {
  if (answers.credentials.kind !== 'answered') return unanswered(answers.credentials);
  const system = systemFacts(answers.system);
  const { sender: told } = system;
  if (!('ids' in told)) return nothing(never(told));
  if (isUnrecorded(answers, system, around)) return WITHOUT_RECORD;
  return senderOf(answers, system, told, around);
}
