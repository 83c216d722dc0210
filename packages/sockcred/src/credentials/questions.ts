/**
 * The safe way to ask about a peer: true only on what is known. Comparing
 * fields instead fails open, since two absent fields are equal to `===`.
 */

import { PeerError, PeerTypeError } from '../errors.ts';
import { isId } from '../ids.ts';
import { CREDENTIAL_FIELDS, type CredentialField } from './evidence.ts';
import type { PeerCredentials, PeerFacts, RecordedPeer } from './peer-credentials.ts';

/** A live answer, or one that was read back. */
export type Peer = PeerCredentials | RecordedPeer;

function checkId(name: string, id: number): void {
  if (isId(id)) return;
  throw new PeerTypeError('ERR_ARGUMENT', `${name} must be an integer from 0 to 4294967294`);
}

/**
 * Is the peer's effective user id known, and this one?
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT` if `uid` can be nobody's id.
 *
 * @example
 * ```ts
 * import { isUser, peerCredentials } from 'sockcred';
 * import type { Socket } from 'node:net';
 *
 * export const fromRoot = (socket: Socket) => isUser(peerCredentials(socket), 0);
 * ```
 */
export function isUser(peer: Peer, uid: number): boolean {
  checkId('uid', uid);
  return peer.uid === uid;
}

/**
 * Is the peer known to be in this group, as its primary or a supplementary
 * one? False where the list of groups is unknown, unless it is the primary.
 *
 * @remarks
 * What counts are the groups that the peer's process had, not those that a
 * directory lists for its user.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT` if `gid` can be no group's id.
 *
 * @example
 * ```ts
 * import { inGroup, peerCredentials } from 'sockcred';
 * import type { Socket } from 'node:net';
 *
 * export const fromWheel = (socket: Socket) => inGroup(peerCredentials(socket), 10);
 * ```
 */
export function inGroup(peer: Peer, gid: number): boolean {
  checkId('gid', gid);
  return peer.gid === gid || (peer.groups?.includes(gid) ?? false);
}

/**
 * Are both user ids known, and the same? Two unknowns are never equal.
 *
 * @example
 * ```ts
 * import { peerCredentials, sameUser } from 'sockcred';
 * import type { Socket } from 'node:net';
 *
 * export const together = (a: Socket, b: Socket) => sameUser(peerCredentials(a), peerCredentials(b));
 * ```
 */
export function sameUser(a: Peer, b: Peer): boolean {
  return a.uid !== undefined && a.uid === b.uid;
}

/**
 * A field that the caller cannot do without.
 *
 * @throws {@link PeerError} `ERR_PEER_UNKNOWN_FIELD` with the reason, if it is
 * absent.
 * @throws {@link PeerTypeError} `ERR_ARGUMENT` if there is no such field.
 *
 * @example
 * ```ts
 * import { peerCredentials, required } from 'sockcred';
 * import type { Socket } from 'node:net';
 *
 * export const owner = (socket: Socket): number => required(peerCredentials(socket), 'uid');
 * ```
 */
export function required<F extends CredentialField>(peer: Peer, field: F): NonNullable<PeerFacts[F]> {
  if (!CREDENTIAL_FIELDS.includes(field)) {
    throw new PeerTypeError('ERR_ARGUMENT', `field must be one of ${CREDENTIAL_FIELDS.join(', ')}`);
  }
  const value = peer[field];
  if (value !== undefined) return value as NonNullable<PeerFacts[F]>;
  const evidence = peer.evidence[field];
  const why = evidence.known ? 'absent against its evidence' : `${evidence.reason}: ${evidence.detail}`;
  throw new PeerError('ERR_PEER_UNKNOWN_FIELD', `the peer's ${field} is unknown (${why})`, {
    scope: 'connection',
  });
}
