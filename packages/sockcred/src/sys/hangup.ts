/**
 * Whether anybody is at the other end of a descriptor still: told when nobody
 * is, without a byte written or read. The kernel vouches, at that moment: it reports a
 * hang-up to whoever waits, whatever else they wait for. See poll(2), POLLHUP and POLLERR.
 */

import { PeerError } from '../errors.ts';
import { addon } from './addon.ts';
import { watch } from './readiness.ts';

/** A wait for the end of the other side. */
export interface HangupWatch {
  /** Nothing is told any more. To be called before the descriptor is closed. */
  close(): void;
}

/**
 * Calls `tell` once when nobody is at the other end of a descriptor any more: nobody reads a pipe, or a Unix socket
 * was closed there. It does not keep the program running. Of one descriptor only the last wait counts; it takes the
 * place of what a stream of `sockcred/messages` waits for as well.
 *
 * @remarks
 * Trust: the kernel. Time: from now on, also where it was so before. A TCP connection is over only once both sides
 * have ended it, or it was reset. Linux.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM` with `EPERM` for a regular file, which has no other end; `ERR_PEER_UNSUPPORTED`,
 * `ERR_PEER_ADDON`
 *
 * @example
 * ```ts
 * import { onHangup } from 'sockcred/relay';
 *
 * const watching = setInterval(() => {}, 1000);
 * onHangup(process.stdout.fd, () => clearInterval(watching));
 * setTimeout(() => clearInterval(watching), 10);
 * ```
 *
 * @see https://man7.org/linux/man-pages/man2/poll.2.html POLLERR
 */
export function onHangup(fd: number, tell: () => void): HangupWatch {
  const { system } = addon();
  if (system !== 'linux') {
    throw new PeerError('ERR_PEER_UNSUPPORTED', `waiting for a hang-up alone is not built in for ${system}`, {
      scope: 'daemon',
    });
  }
  const waiting = watch(fd, () => {
    waiting.close();
    tell();
  });
  waiting.hold(false);
  // A hang-up is reported without being asked for.
  waiting.arm(0);
  return { close: () => waiting.close() };
}
