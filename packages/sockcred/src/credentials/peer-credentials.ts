/**
 * The value that every answer takes: what is known of a peer, and why the rest
 * is not. Plain frozen data, so that spreading, `structuredClone`, deep
 * equality and printing all work.
 */

import type { PeerEvidence, PeerRole } from './evidence.ts';
import type { SecurityLabel } from './label.ts';

/** The ids of a process that are not in force: real ones, and those that it may take back. */
export interface OtherIds {
  readonly realUid: number;
  readonly savedUid: number;
  readonly realGid: number;
  readonly savedGid: number;
}

/** The fields that a live answer and a recorded one share. */
export interface PeerFacts {
  /** Effective user id. */
  readonly uid?: number;
  /** Effective group id. */
  readonly gid?: number;
  /** Process id, in our pid namespace. By now it may name another process, or none. */
  readonly pid?: number;
  /** Primary and supplementary groups, ascending, without duplicates. Complete, or absent. */
  readonly groups?: readonly number[];
  /** Security label, as of the peer's socket(2). */
  readonly label?: SecurityLabel;
  /** Real and saved ids, where the system records them beside the effective ones: illumos, Solaris. */
  readonly otherIds?: OtherIds;
  /** The zone that the process runs in: illumos, Solaris. */
  readonly zone?: number;
  /** Whom the kernel recorded; absent where it cannot be told. */
  readonly role?: PeerRole;
  /** For every field: who vouches for it and when it was true, or why it is absent. */
  readonly evidence: PeerEvidence;
}

declare const live: unique symbol;
declare const recorded: unique symbol;

/**
 * Who the kernel says is at the other end of a connected socket, as captured
 * when the connection was made. Only {@link peerCredentials} makes one.
 *
 * A field that the kernel did not vouch for is absent and `evidence` says why.
 * Two absent fields are equal to `===`, so ask with `isUser`, `inGroup`,
 * `sameUser` and `required` instead of comparing fields.
 */
export interface PeerCredentials extends PeerFacts {
  /** Exists in the type only: parsed JSON is no live answer. */
  readonly [live]: true;
}

/** A peer read back from its JSON form: somebody's word, as good as the place where it was kept. */
export interface RecordedPeer extends PeerFacts {
  /** Exists in the type only. */
  readonly [recorded]: true;
}
