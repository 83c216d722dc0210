/**
 * For every field of a peer: who vouches for it, about whom, and when it was
 * true; or why it is not there. Evidence is plain frozen data, and the same
 * object for the same fact, so that a peer costs no new objects for it.
 */

import type { PeerOption } from './systems.ts';

/** The fields of a peer that may be known or unknown. */
export type CredentialField = 'uid' | 'gid' | 'pid' | 'groups' | 'label' | 'otherIds' | 'zone' | 'role';

/**
 * Whom the kernel recorded. `connector`: whoever called connect(2).
 * `listener`: whoever last called listen(2), which under socket activation is
 * not the process that serves. `creator`: whoever called socketpair(2).
 */
export type PeerRole = 'connector' | 'listener' | 'creator';

/**
 * Who vouches: a question to the kernel, by its own name. `caller` means that `options.side` said so, `socket names` that
 * getsockname(2) and getpeername(2) did, and `forwarded` that it is the word of a server in front of this one.
 */
export type EvidenceSource = PeerOption | 'socket names' | 'caller' | 'forwarded';

/** When a fact was true: at that system call of the recorded process, or at the time of asking. */
export type CaptureMoment = 'connect' | 'listen' | 'bind' | 'socketpair' | 'socket' | 'now';

/** Why a field is absent. */
export type UnknownReason =
  /** This kernel, system or security module has no answer to this question. */
  | 'unsupported'
  /** It has one in general, and none for this socket. */
  | 'not-provided'
  /** There is an answer, and namespaces keep it from being told here. */
  | 'hidden'
  /** The process is gone. */
  | 'gone'
  /** The list may lack entries, and a partial list would be a lie. */
  | 'maybe-incomplete'
  /** The question was refused or not answered properly. */
  | 'refused'
  /** More than one answer fits. */
  | 'ambiguous'
  /** Two witnesses contradict each other. */
  | 'disagrees'
  /** It was not recorded when it could have been. */
  | 'not-recorded'
  /** What was read may belong to another process. */
  | 'raced';

/** A field that is there. `about` and `captured` are absent where the role cannot be told. */
export interface KnownEvidence {
  readonly known: true;
  readonly about?: PeerRole;
  readonly source: EvidenceSource;
  readonly captured?: CaptureMoment;
}

/** A field that is not there, with a sentence for a person. */
export interface UnknownEvidence {
  readonly known: false;
  readonly reason: UnknownReason;
  readonly detail: string;
}

/** Why a field can be believed, or why it is not there. */
export type Evidence = KnownEvidence | UnknownEvidence;

/** The evidence of one peer, field by field. */
export type PeerEvidence = Readonly<Record<CredentialField, Evidence>>;

/** All fields, in the order in which they are printed. */
export const CREDENTIAL_FIELDS: readonly CredentialField[] = Object.freeze([
  'uid',
  'gid',
  'pid',
  'groups',
  'label',
  'otherIds',
  'zone',
  'role',
]);

const unknownFacts = new Map<string, UnknownEvidence>();

/** Evidence of a field that is absent. `detail` comes from a closed set of sentences, never from a peer. */
export function unknown(reason: UnknownReason, detail: string): UnknownEvidence {
  let evidence = unknownFacts.get(detail);
  if (evidence === undefined || evidence.reason !== reason) {
    evidence = Object.freeze({ known: false, reason, detail });
    unknownFacts.set(detail, evidence);
  }
  return evidence;
}

/** Records made so far; few, since every fact in them is one of a few. */
const records: PeerEvidence[] = [];
const MOST_RECORDS = 64;

/** One frozen record of all facts: an existing one where it has the same facts. */
export function peerEvidence(
  uid: Evidence,
  gid: Evidence,
  pid: Evidence,
  groups: Evidence,
  label: Evidence,
  otherIds: Evidence,
  zone: Evidence,
  role: Evidence,
): PeerEvidence {
  for (const record of records) {
    if (
      record.uid === uid &&
      record.gid === gid &&
      record.pid === pid &&
      record.groups === groups &&
      record.label === label &&
      record.otherIds === otherIds &&
      record.zone === zone &&
      record.role === role
    ) {
      return record;
    }
  }
  const record = Object.freeze({ uid, gid, pid, groups, label, otherIds, zone, role });
  if (records.length < MOST_RECORDS) records.push(record);
  return record;
}
