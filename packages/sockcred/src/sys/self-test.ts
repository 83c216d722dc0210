/**
 * Is this kernel worth asking? Some emulations of Linux answer every question
 * about a peer with the caller's own ids, so that every stranger looks like
 * ourselves. Asked once per thread, at the first question, of sockets whose
 * answer is known: one end of a socketpair, and a socket without a peer.
 */

import { PeerError } from '../errors.ts';
import type { Addon } from './addon.ts';
import { errnoName } from './errno.ts';

/** `enum sys_self_test_verdict` of `native/sys.h`. */
const TRUSTWORTHY = 0;
const SOCKETPAIR_NOT_SELF = 1;

let trusted = false;
let failure: PeerError | undefined;

/** The error that a verdict amounts to, or undefined where the kernel passed. */
export function judge(verdict: number): PeerError | undefined {
  if (verdict === TRUSTWORTHY) return undefined;
  if (verdict < 0) {
    const errno = errnoName(-verdict);
    const message = `the self-test of the kernel could not be run (${errno}); nothing is known about it, ask again`;
    return new PeerError('ERR_PEER_SELF_TEST_NOT_RUN', message, { scope: 'connection', errno });
  }
  const message =
    verdict === SOCKETPAIR_NOT_SELF
      ? 'this kernel names somebody else than this process at the end of its own socketpair: its answers are not used'
      : 'this kernel names a peer of a socket that has none: its answers are not used';
  return new PeerError('ERR_PEER_SELF_TEST', message, { scope: 'daemon' });
}

/**
 * Runs the self-test unless it has passed before. A failed verdict is final,
 * a test that could not be run is not.
 *
 * @throws {@link PeerError} `ERR_PEER_SELF_TEST`, `ERR_PEER_SELF_TEST_NOT_RUN`.
 */
export function ensureTrustworthy(addon: Addon): void {
  if (trusted) return;
  if (failure !== undefined) throw failure;
  const error = judge(addon.selfTest());
  if (error === undefined) {
    trusted = true;
    return;
  }
  if (error.code === 'ERR_PEER_SELF_TEST') failure = error;
  throw error;
}
