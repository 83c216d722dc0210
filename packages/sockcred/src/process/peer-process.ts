/**
 * The process behind a peer, held by a pidfd that the socket itself gave: it
 * stays that process whoever gets its number. What the kernel recorded when the
 * connection was made and what the process is now are told apart throughout.
 * Other systems hold less of it, and say so.
 */

import { type PeerOptions, type PeerSource, peerCredentials } from '../credentials/ask.ts';
import { unknown } from '../credentials/evidence.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { systemFacts } from '../credentials/systems.ts';
import { PeerError, PeerTypeError } from '../errors.ts';
import { addon } from '../sys/addon.ts';
import { bootSession, versionedId } from '../sys/audit-token.ts';
import { ReceivedFd } from '../sys/owned-fd.ts';
import { duplicateFrom, processId } from '../sys/pidfd.ts';
import { descriptorOf, handleOf, socketOf } from '../sys/socket-handle.ts';
import { type Executable, executableOf } from './description.ts';
import { type Drift, driftBetween, type Snapshot } from './drift.ts';
import { pinRecorded } from './exit-pin.ts';
import { type Fact, fact } from './graded.ts';
import { guarded, type HeldProcess, kept, type Names, pinBehind, requireLinux } from './held-process.ts';
import { type LastUser, lastUserOf, pinLastUser } from './last-user.ts';
import { type Pin, pinNumber, pinPeer } from './pin.ts';
import { processState } from './process-state.ts';

/** The process of a peer, held. Only {@link peerProcess} makes one. */
export interface PeerProcess extends HeldProcess {
  /** What the kernel recorded with the socket. On macOS of another process, it may be: see `lastUser`. */
  readonly credentials: PeerCredentials;
  /**
   * On macOS, and nowhere else: this process is whoever used the other end last,
   * and not, or only by chance, the one that `credentials` are of.
   */
  readonly lastUser?: LastUser;
  /**
   * How it has changed since the kernel recorded it, and since it was first held. Empty: not at all, as far as can be
   * seen. Linux; elsewhere `ERR_PEER_UNSUPPORTED`.
   */
  drift(): readonly Drift[];
}

const UNREADABLE = unknown('refused', 'the program of the process could not be read');

function executable(pin: Pin): Fact<Executable> {
  try {
    return fact(pin.read(executableOf), pin.readBinding, 'procfs exe');
  } catch {
    return UNREADABLE;
  }
}

function snapshot(pin: Pin): Snapshot {
  return { state: processState(pin), executable: executable(pin) };
}

/** The descriptor of a source that has just been asked about. */
export function descriptorBehind(source: PeerSource): number {
  if (typeof source === 'number') return source;
  const socket = socketOf(source);
  const handle = handleOf(socket);
  if (handle !== undefined) return descriptorOf(socket, handle);
  throw new PeerError('ERR_PEER_CLOSED', 'the socket is closed, and its process can no longer be asked for', {
    scope: 'connection',
  });
}

/**
 * The process behind the peer of a connected Unix socket, held.
 *
 * On an accepted socket that is the process that called connect(2), on a
 * connecting one the process that called listen(2). It need not be the one that
 * holds the other end by now: descriptors are inherited and passed on.
 *
 * @remarks
 * Trust: the kernel, for which process it is (`SO_PEERPIDFD`, Linux 6.5). On
 * older kernels the process is found by its number, and every binding says
 * `pid-only`. So it is on FreeBSD, OpenBSD and NetBSD 10, where nothing is told of
 * it but whether it has ended. On macOS 11 it is whoever used the other end last
 * (`lastUser`), which proves nothing about who connected. Other systems throw
 * `ERR_PEER_UNSUPPORTED`. Time: everything but `credentials` is of the moment of asking.
 * Exec is noticed by the program's file, by the address space, which exec of the same file replaces as
 * well, and by changed ids. Who may not trace the process sees the ids only. What happened before
 * the process was held is not seen, nor exec of the same file while another process shares the old memory
 * (`CLONE_VM`, clone(2)).
 *
 * @throws what {@link peerCredentials} throws, and
 * @throws {@link PeerError} `ERR_PEER_GONE` where the process had ended and this
 * kernel keeps nothing of it (before Linux 6.16), `ERR_PEER_PROCESS`,
 * `ERR_PEER_UNSUPPORTED`, `ERR_PEER_CLOSED`, `ERR_PEER_SYSTEM`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { peerProcess } from 'sockcred/process';
 *
 * const server = createServer(socket => {
 *   const process = peerProcess(socket);
 *   const { executable } = process.describe();
 *   const who = executable.known ? executable.value.path : executable.detail;
 *   socket.end(process.drift().length === 0 ? `${who}\n` : 'you have changed\n');
 *   process.close();
 * });
 * server.listen('\0sockcred-process-example', () => server.close());
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html SO_PEERPIDFD
 * @see https://man7.org/linux/man-pages/man2/pidfd_open.2.html
 */
export function peerProcess(source: PeerSource, options?: PeerOptions): PeerProcess {
  const { name, process } = systemFacts(addon().system);
  if (!('option' in process)) {
    const message = `the process of a peer cannot be held: ${process.detail}`;
    throw new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
  }
  const credentials = peerCredentials(source, options);
  const fd = descriptorBehind(source);
  switch (process.option) {
    case 'SO_PEERPIDFD':
      return guarded(pinPeer(fd, credentials), pin => held(pin, credentials));
    case 'EVFILT_PROC':
      return guarded(pinRecorded(name, credentials), pin =>
        watched(pin, credentials, { pid: credentials.pid }),
      );
    case 'LOCAL_PEERTOKEN': {
      const { pin, token } = pinLastUser(fd);
      const lastUser = lastUserOf(token);
      return guarded(pin, () =>
        watched(pin, credentials, { id: versionedId(bootSession(), token) }, { lastUser }),
      );
    }
  }
}

function held(pin: Pin, credentials: PeerCredentials): PeerProcess {
  // Before anything else is read: an exec meanwhile is drift, not unseen.
  pin.executed();
  const first = snapshot(pin);
  return kept(
    pin,
    { id: processId(pin.pidfd), pid: credentials.pid },
    {
      credentials,
      drift: () => driftBetween(credentials, first, { ...snapshot(pin), executed: pin.executed() }),
    },
  );
}

/** A process of which only the end is told. */
function watched(
  pin: Pin,
  credentials: PeerCredentials,
  names: Names,
  more: { lastUser?: LastUser } = {},
): PeerProcess {
  return kept(pin, names, { credentials, ...more, drift: () => pin.read(() => []) });
}

/**
 * A running process by its number, held from now on.
 *
 * @remarks
 * Trust: the number is the caller's word. Which process had it when the caller
 * learned it nobody can tell: every binding is `pid-only`. For the process of a
 * peer ask {@link peerProcess} instead.
 *
 * @throws {@link PeerError} `ERR_PEER_GONE` if no process has this number;
 * `ERR_PEER_PROCESS`, `ERR_PEER_UNSUPPORTED`, `ERR_PEER_SYSTEM`
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 *
 * @example
 * ```ts
 * import { runningProcess } from 'sockcred/process';
 *
 * const self = runningProcess(process.pid);
 * console.log(self.alive); // true
 * self.close();
 * ```
 */
export function runningProcess(pid: number): HeldProcess {
  if (!Number.isInteger(pid) || pid <= 0 || pid > 0x7fffffff) {
    throw new PeerTypeError('ERR_ARGUMENT', 'pid must be an integer from 1 to 2147483647');
  }
  requireLinux();
  return guarded(pinNumber(pid), pin => kept(pin, { id: processId(pin.pidfd), pid }, {}));
}

/**
 * A duplicate of a descriptor that another process has open: to ask about its
 * sockets. It needs the right to trace the process.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM` with `errno`; `ERR_PEER_UNSUPPORTED` before Linux 5.6
 *
 * @example
 * ```ts
 * import { duplicateDescriptor, runningProcess } from 'sockcred/process';
 *
 * const self = runningProcess(process.pid);
 * const duplicate = duplicateDescriptor(self, 0);
 * console.log(duplicate.fd > 2); // true
 * duplicate.close();
 * self.close();
 * ```
 *
 * @see https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html
 */
export function duplicateDescriptor(process: HeldProcess, fd: number): ReceivedFd {
  const result = duplicateFrom(pinBehind(process).pidfd, fd);
  if ('fd' in result) return new ReceivedFd(result.fd);
  const { kind, errno } = result.refused;
  if (kind === 'unsupported') {
    const message = 'no way to duplicate a descriptor of another process on this system (Linux 5.6)';
    throw new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'call' });
  }
  throw new PeerError('ERR_PEER_SYSTEM', `descriptor ${fd} cannot be had: ${errno ?? kind}`, {
    scope: 'call',
    ...(errno === undefined ? {} : { errno }),
  });
}
