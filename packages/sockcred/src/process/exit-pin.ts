/**
 * A process of which the end can be waited for, and nothing else is told: on
 * FreeBSD, NetBSD and OpenBSD whoever has the recorded number at the moment of
 * asking, on macOS whoever used the socket last. Once held it stays that
 * process: the kernel ties the wait to it, not to its number, and so an end is
 * known however late one looks. See kqueue(2), EVFILT_PROC.
 */

import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerError } from '../errors.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import type { Outcome } from '../sys/outcome.ts';
import { type NewDescriptor, openProcess, processEnded } from '../sys/pidfd.ts';
import type { Pin } from './pin.ts';

const UNTOLD = Object.freeze({ refused: Object.freeze({ kind: 'unsupported' } as const) });

function untold(): never {
  const message = 'this system tells of a process that is held whether it has ended, and nothing else';
  throw new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
}

/** A pin over a descriptor that stands for a process, which belongs to it from now on. */
export function exitPin(held: number, lowered: string): Pin {
  let open = true;
  function opened(): void {
    if (!open) throw new PeerError('ERR_PEER_CLOSED', 'the process was let go', { scope: 'call' });
  }
  return {
    pidfd: held,
    binding: 'pid-only',
    readBinding: 'pid-only',
    lowered,
    ended() {
      opened();
      return processEnded(held);
    },
    info() {
      opened();
      return UNTOLD;
    },
    number() {
      opened();
      return untold();
    },
    read() {
      opened();
      return untold();
    },
    executed() {
      opened();
      return false;
    },
    close() {
      if (!open) return;
      open = false;
      closeDescriptor(held);
    },
  };
}

/** Why a process cannot be waited for. FreeBSD says of one that may not be seen what it says of none. */
export function watchRefusal(system: string, pid: number, { kind, errno }: Outcome): PeerError {
  const scope = 'connection';
  if (kind === 'unsupported') {
    const message = 'this kernel has no way to wait for the end of a process that this version knows';
    return new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
  }
  if (errno === 'ESRCH') {
    return system === 'freebsd'
      ? new PeerError('ERR_PEER_PROCESS', `process ${pid} has ended, or may not be seen from here`, { scope })
      : new PeerError('ERR_PEER_GONE', `no process has the number ${pid} any more`, { scope });
  }
  if (errno === 'EACCES' || errno === 'EPERM') {
    const message = `process ${pid} cannot be waited for: only root and its own user may here`;
    return new PeerError('ERR_PEER_PROCESS', message, { scope });
  }
  const message = `process ${pid} cannot be waited for: ${errno ?? kind}`;
  return new PeerError('ERR_PEER_SYSTEM', message, { scope, ...(errno === undefined ? {} : { errno }) });
}

const BY_NUMBER =
  'this system gives no descriptor of a peer’s process: it was found by its number, which may have passed to another one before';

/** Whatever process has the recorded number now. */
export function pinRecorded(
  system: string,
  { pid }: Pick<PeerCredentials, 'pid'>,
  open: (pid: number) => NewDescriptor = openProcess,
): Pin {
  if (pid === undefined) {
    throw new PeerError('ERR_PEER_PROCESS', 'the number of the peer’s process is unknown', {
      scope: 'connection',
    });
  }
  const opened = open(pid);
  if ('fd' in opened) return exitPin(opened.fd, BY_NUMBER);
  throw watchRefusal(system, pid, opened.refused);
}
