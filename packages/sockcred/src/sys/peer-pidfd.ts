/**
 * `SO_PEERPIDFD` (Linux 6.5): a descriptor of the peer's process, from the
 * socket itself. Four outcomes must stay apart: a kernel that does not know
 * the option, a socket that has no peer process, a peer that is reaped, and a
 * descriptor, which may again be of a reaped process (Linux 6.16 and later).
 */

import { PeerError } from '../errors.ts';
import { addon } from './addon.ts';
import { errnoName } from './errno.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

const GONE_EINVAL: Outcome = Object.freeze({ kind: 'gone', errno: 'EINVAL' });
const GONE_ESRCH: Outcome = Object.freeze({ kind: 'gone', errno: 'ESRCH' });

/** A pidfd that the caller must close, or why there is none. */
export type PeerPidfd =
  | { readonly fd: number; readonly outcome: Outcome & { readonly kind: 'answered' } }
  | { readonly fd?: never; readonly outcome: Outcome };

/**
 * What a status of SO_PEERPIDFD means. A reaped peer is EINVAL from 6.5 to
 * 6.14, ESRCH in 6.15. Of the errors only "no such option" is about the
 * kernel; the others are about this socket and say nothing of the next one.
 */
export function pidfdOutcome(status: number): Outcome {
  const outcome = outcomeOf(status);
  if (outcome.errno === 'EINVAL') return GONE_EINVAL;
  if (outcome.errno === 'ESRCH') return GONE_ESRCH;
  return outcome;
}

/**
 * Asks the socket for its peer's process.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM` at EMFILE, ENFILE and ENOMEM:
 * this process has no descriptors left, which is not about the peer.
 */
export function peerPidfd(fd: number): PeerPidfd {
  const result = addon().peerPidfd(fd);
  if (result >= 0) return { fd: result, outcome: outcomeOf(0) as Outcome & { kind: 'answered' } };
  const outcome = pidfdOutcome(-result);
  if (outcome.errno === 'EMFILE' || outcome.errno === 'ENFILE' || outcome.errno === 'ENOMEM') {
    throw new PeerError('ERR_PEER_SYSTEM', `no pidfd of the peer: ${errnoName(-result)}`, {
      scope: 'connection',
      errno: outcome.errno,
    });
  }
  return { outcome };
}
