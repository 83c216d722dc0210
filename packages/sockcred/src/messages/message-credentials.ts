/**
 * Who sent a message: credentials that travelled with it, vouched for by the
 * kernel, true at the moment of sending. They are another thing than those of
 * the connection (`PeerCredentials`): on Linux they are real ids where the
 * connection's are effective, and a sender may choose among its own ids; one
 * with privileges may claim any. Pure.
 */

import { type UnknownEvidence, unknown } from '../credentials/evidence.ts';
import type { IdView } from '../sys/id-view.ts';
import type { Outcome } from '../sys/outcome.ts';

/** The fields of a sender that may be known or unknown. */
export type SenderField = 'uid' | 'gid' | 'pid';

/** A field that came with the message. */
export interface SenderEvidence {
  readonly known: true;
  readonly about: 'sender';
  readonly source: 'SCM_CREDENTIALS';
  readonly captured: 'send';
}

/**
 * Credentials that came with a message. A field that the kernel did not vouch
 * for is absent, and `evidence` says why: ask with `isSentBy()` instead of
 * comparing fields, since two absent fields are equal to `===`.
 */
export interface MessageCredentials {
  /** What kind of ids they are, where they are known. */
  readonly ids?: 'real';
  /**
   * Who chose them. The kernel stamps the real ids of the sender unless that names
   * others of its own: real, effective or saved. A sender with CAP_SETUID, CAP_SETGID or
   * CAP_SYS_ADMIN can name any, and a process descriptor that comes with the message
   * follows the pid that it names. The receiver cannot tell which it was.
   */
  readonly chosenBy?: 'kernel-or-sender';
  readonly uid?: number;
  readonly gid?: number;
  /** Process id, in our pid namespace. By now it may name another process, or none. */
  readonly pid?: number;
  readonly evidence: Readonly<Record<SenderField, SenderEvidence | UnknownEvidence>>;
}

/** What the kernel gave. */
export interface SenderAnswers {
  readonly credentials: Outcome;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** What is known about the receiving side. */
export interface SenderView {
  readonly view: IdView;
  /** The ids that stand for none. */
  readonly unrecorded: () => { readonly uid: number; readonly gid: number };
}

const KNOWN: SenderEvidence = Object.freeze({
  known: true,
  about: 'sender',
  source: 'SCM_CREDENTIALS',
  captured: 'send',
});
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
const NO_ID = unknown('not-provided', 'the kernel gave no id');
const FOREIGN = unknown('hidden', 'the process is in a pid namespace that cannot be seen from here');
const HIDDEN_UID = unknown(
  'hidden',
  'the overflow id: a user without a mapping in our user namespace, or one whose id that is',
);
const HIDDEN_GID = unknown(
  'hidden',
  'the overflow id: a group without a mapping in our user namespace, or one whose id that is',
);

/** (uid_t)-1 and (gid_t)-1: no id at all. */
const NOBODY = 0xffffffff;

function nothing(why: UnknownEvidence): MessageCredentials {
  return Object.freeze({ evidence: Object.freeze({ uid: why, gid: why, pid: why }) });
}

const WITHOUT_RECORD = nothing(NOT_RECORDED);
const WITHOUT_CREDENTIALS = nothing(NONE_CAME);
const WITHOUT_BELIEF = nothing(CUT);
const WITHOUT_SUPPORT = nothing(UNSUPPORTED);

function unanswered({ kind }: Outcome): MessageCredentials {
  if (kind === 'no-data') return WITHOUT_CREDENTIALS;
  return kind === 'unsupported' ? WITHOUT_SUPPORT : WITHOUT_BELIEF;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function judge(id: number, overflow: number | undefined, hidden: UnknownEvidence) {
  if (id === NOBODY) return NO_ID;
  return id === overflow ? hidden : KNOWN;
}

/** The value that the answers about one message amount to. */
export function decodeSender(answers: SenderAnswers, around: SenderView): MessageCredentials {
  if (answers.credentials.kind !== 'answered') return unanswered(answers.credentials);
  if (answers.pid === 0) {
    // Not an error of the kernel's, which fills in three ids that look like somebody's.
    const none = around.unrecorded();
    if (answers.uid === none.uid && answers.gid === none.gid) return WITHOUT_RECORD;
  }
  const uid = judge(answers.uid, around.view.overflowUid, HIDDEN_UID);
  const gid = judge(answers.gid, around.view.overflowGid, HIDDEN_GID);
  const pid = answers.pid > 0 && answers.pid <= 0x7fffffff ? KNOWN : FOREIGN;
  const sender: Mutable<Partial<MessageCredentials>> = { ids: 'real', chosenBy: 'kernel-or-sender' };
  if (uid.known) sender.uid = answers.uid;
  if (gid.known) sender.gid = answers.gid;
  if (pid.known) sender.pid = answers.pid;
  sender.evidence = Object.freeze({ uid, gid, pid });
  return Object.freeze(sender) as MessageCredentials;
}
