/**
 * Sockets that the service manager opened for us: sd_listen_fds(3). They are
 * descriptors 3 and up, announced in the environment for one process only.
 */

import { PeerError, PeerTypeError, peerCredentials } from 'sockcred';
import { SystemRefusal } from './exit-codes.ts';

const FIRST_DESCRIPTOR = 3;
const MOST_DESCRIPTORS = 64;

/** The descriptors handed to this process; empty unless they are meant for it. */
export function activatedDescriptors(env: NodeJS.ProcessEnv, pid: number): readonly number[] {
  const { LISTEN_PID, LISTEN_FDS } = env;
  if (LISTEN_PID !== `${pid}` || LISTEN_FDS === undefined) return [];
  const count = /^\d+$/.test(LISTEN_FDS) ? Number(LISTEN_FDS) : Number.NaN;
  if (!(count <= MOST_DESCRIPTORS)) {
    throw new SystemRefusal(`LISTEN_FDS is not a number from 0 to ${MOST_DESCRIPTORS} (EINVAL)`);
  }
  return Array.from({ length: count }, (_, index) => {
    const fd = FIRST_DESCRIPTOR + index;
    checkListening(fd);
    return fd;
  });
}

/** The library refuses a listening socket by a code of its own: that is the one wanted here. */
function checkListening(fd: number): void {
  try {
    peerCredentials(fd);
  } catch (error) {
    if (error instanceof PeerTypeError && error.code === 'ERR_SOURCE_LISTENING') return;
    if (!(error instanceof PeerTypeError) && !(error instanceof PeerError)) throw error;
    throw new SystemRefusal(`socket activation: ${error.message}; a listening Unix socket is needed`);
  }
  throw new SystemRefusal(`socket activation: fd ${fd} is a connection; set Accept=no in the socket unit`);
}
