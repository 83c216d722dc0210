/**
 * The Unix sockets of this machine, as far as they can be seen from here: which
 * ones listen, which are connected with which, and which processes hold them
 * now. For looking around, never for deciding: who holds a socket need not be
 * who connected it. For that ask the socket.
 */

import { leadsTo } from '../sys/bound-file.ts';
import { type Holder, socketHolders } from '../sys/socket-holders.ts';
import { type UnixSocketRecord, unixSocketRecords } from '../sys/unix-diag.ts';

/** One Unix socket. */
export interface UnixSocket {
  readonly inode: number;
  readonly type: 'stream' | 'datagram' | 'seqpacket' | 'other';
  readonly state: 'listening' | 'connected' | 'other';
  /** A path as it was bound, which need not lead here by now; or an abstract name as `@name`. */
  readonly name?: string;
  /**
   * Does the path that it was bound to lead to it now, from our root directory?
   * Absent where there is no path, or where that cannot be told. A socket of
   * another mount namespace has a path of that one.
   */
  readonly leadsHere?: boolean;
  /** Inode of the other end of a connection; absent while nobody has accepted it, and once that end is closed. */
  readonly peer?: number;
  /** Of a listening socket: how many connections nobody has accepted yet. */
  readonly waiting: number;
  /** Of a listening socket: inodes of the sockets whose connections nobody has accepted yet and that are open still. */
  readonly waitingInodes: readonly number[];
  /**
   * Processes that held it when they were looked at, by number and descriptor:
   * hold one, and look whether it still has the socket, before anything is said
   * of it. Empty where none can be seen.
   */
  readonly holders: readonly Holder[];
}

/** All sockets that are seen, and what is not. */
export interface UnixSockets {
  readonly sockets: readonly UnixSocket[];
  /** Sockets came or went while the list was made. */
  readonly interrupted: boolean;
  /** Processes whose descriptors could not be looked at. */
  readonly unseenProcesses: number;
  /** procfs may not even show the processes of others: it is mounted with hidepid=, or there is none. */
  readonly hiddenProcesses: boolean;
  /** Processes that are known to be in other network namespaces, whose sockets are not in the list. */
  readonly processesInOtherNetworks: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder('latin1');

function decoded(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return latin1.decode(bytes);
  }
}

function nameOf(bytes: Uint8Array): string {
  if (bytes[0] === 0) return `@${decoded(bytes.subarray(1))}`;
  const end = bytes.indexOf(0);
  return decoded(end === -1 ? bytes : bytes.subarray(0, end));
}

function told(record: UnixSocketRecord, holders: readonly Holder[]): UnixSocket {
  const { inode, type, state, file, peer, waiting } = record;
  const name = record.name === undefined ? undefined : nameOf(record.name);
  const leadsHere = name === undefined || file === undefined ? undefined : leadsTo(name, file);
  return Object.freeze({
    inode,
    type,
    state,
    ...(name === undefined ? {} : { name }),
    ...(leadsHere === undefined ? {} : { leadsHere }),
    ...(peer === undefined || peer === 0 ? {} : { peer }),
    waiting: waiting.length,
    waitingInodes: Object.freeze(waiting.filter(connector => connector !== 0)),
    holders: Object.freeze([...holders]),
  });
}

/**
 * The Unix sockets of our network namespace.
 *
 * @remarks
 * Trust: the kernel for the sockets, procfs for the holders. Time: now, and not
 * of one single moment. An accepted socket belongs to the network namespace of
 * its connector, so connections from containers may be missing; without root
 * the holders are those of one's own processes. Each path is looked at with
 * stat(2). Linux.
 *
 * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED`, `ERR_PEER_SYSTEM`
 *
 * @example
 * ```ts
 * import { unixSockets } from 'sockcred';
 *
 * export const listening = () =>
 *   unixSockets().sockets.filter(({ state }) => state === 'listening');
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/sock_diag.7.html
 */
export function unixSockets(): UnixSockets {
  const { sockets, interrupted } = unixSocketRecords();
  const { byInode, unseen, otherNetworks, hidden } = socketHolders();
  return Object.freeze({
    // One without an inode is no socket of a program: the kernel's end of a connection that is not accepted.
    sockets: Object.freeze(
      sockets.filter(({ inode }) => inode !== 0).map(record => told(record, byInode.get(record.inode) ?? [])),
    ),
    interrupted,
    unseenProcesses: unseen,
    hiddenProcesses: hidden,
    processesInOtherNetworks: otherNetworks,
  });
}
