/**
 * A connection made under the ids of somebody else, for a program that stands
 * between a client and its server: whoever asks that socket for its peer's
 * credentials (SO_PEERCRED, SO_PEERGROUPS) is told the client's ids. Linux,
 * with CAP_SETUID and CAP_SETGID. The pid and the security label stay those
 * of this program.
 */

import { PeerError } from '../errors.ts';
import { isId } from '../ids.ts';
import { addon } from './addon.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { type NewSocket, nameBytes, type UnixName } from './unix-socket.ts';

/** Ids to connect under. `groups` are all supplementary groups: there is no way to leave them out. */
export interface ConnectIdentity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/**
 * A stream socket connected to whoever listens under this name, by these ids.
 * Permissions of the path are those of the ids.
 *
 * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED`, `ERR_PEER_ADDON`
 */
export function connectedSocketAs(name: UnixName, who: ConnectIdentity): NewSocket {
  if (![who.uid, who.gid, ...who.groups].every(isId)) throw new RangeError('not the ids of a user');
  const result = addon().connectAs(nameBytes(name), who.uid, who.gid, Uint32Array.from(who.groups));
  if (result >= 0) return { fd: result };
  const refused: Outcome = outcomeOf(-result);
  if (refused.kind !== 'unsupported') return { refused };
  const message = 'only on Linux can a connection be made under the ids of somebody else';
  throw new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
}
