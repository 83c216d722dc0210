/**
 * The pid that a socket's peer has at this moment, by a pidfd from the socket
 * (SO_PEERPIDFD, Linux 6.5) and its fdinfo. While the pidfd shows a number its
 * process has not been waited for, so nobody else can have that number: unlike
 * the pid of SO_PEERCRED, which was the peer's at connect(2).
 */

import { fs } from './builtin-modules.ts';
import { closeDescriptor } from './descriptor.ts';
import { peerPidfd } from './peer-pidfd.ts';
import { pidfdProcess } from './pidfd-info.ts';

/** Its pid in our own pid namespace, or why that is not told. */
export type PinnedPid =
  | { readonly pid: number }
  | {
      readonly reason: 'unsupported' | 'not-provided' | 'gone' | 'hidden' | 'refused';
      readonly detail: string;
    };

let ownProcfs = false;

/**
 * Is /proc the one of our own pid namespace? If it is an outer one's, its numbers
 * are not ours: then our own NSpid line has more than one entry (Linux 4.1).
 */
function isOwnProcfs(): boolean {
  if (ownProcfs) return true;
  try {
    const line = /^NSpid:((?:\t[0-9]+)+)$/m.exec(fs().readFileSync('/proc/self/status', 'latin1'));
    ownProcfs = line?.[1] === `\t${process.pid}`;
  } catch {
    return false;
  }
  return ownProcfs;
}

/**
 * Asks the socket for its peer's process, and that for its number.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM` where no descriptors are left, `ERR_PEER_ADDON`
 */
export function pinnedPid(fd: number): PinnedPid {
  const { fd: pidfd, outcome } = peerPidfd(fd);
  if (pidfd === undefined) {
    if (outcome.kind === 'unsupported') {
      return { reason: 'unsupported', detail: 'this kernel gives no pidfd of a peer' };
    }
    if (outcome.kind === 'gone') return { reason: 'gone', detail: 'the process has ended' };
    if (outcome.kind === 'no-data') {
      return { reason: 'not-provided', detail: 'this socket has no process at its other end' };
    }
    return { reason: 'refused', detail: `no pidfd of the peer: ${outcome.errno ?? outcome.kind}` };
  }
  try {
    if (!isOwnProcfs()) return { reason: 'hidden', detail: '/proc is not that of our pid namespace' };
    const found = pidfdProcess(pidfd);
    if (found.state === 'visible') return { pid: found.pid };
    if (found.state === 'reaped') return { reason: 'gone', detail: 'the process has ended' };
    if (found.state === 'foreign')
      return { reason: 'hidden', detail: 'the process is in another pid namespace' };
    return { reason: 'refused', detail: 'the fdinfo of its pidfd could not be read' };
  } finally {
    closeDescriptor(pidfd);
  }
}
