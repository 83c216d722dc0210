/**
 * The process behind a peer, held by a pidfd that the socket itself gave: it
 * stays that process whoever gets its number. What the kernel recorded when the
 * connection was made and what the process is now are told apart throughout.
 */

import { type PeerOptions, type PeerSource, peerCredentials } from '../credentials/ask.ts';
import { unknown } from '../credentials/evidence.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerError, PeerTypeError } from '../errors.ts';
import { addon } from '../sys/addon.ts';
import { duplicateFrom, processId } from '../sys/pidfd.ts';
import { descriptorOf, handleOf, socketOf } from '../sys/socket-handle.ts';
import { describeProcess, type Executable, executableOf, type ProcessDescription } from './description.ts';
import { type Drift, driftBetween, type Snapshot } from './drift.ts';
import { type ExitWatch, watchExit } from './exit-watch.ts';
import { type Fact, fact } from './graded.ts';
import { type Pin, pinNumber, pinPeer } from './pin.ts';
import type { ProcessFiles } from './process-files.ts';
import { type ExitStatus, exitOf, type ProcessState, processState } from './process-state.ts';

/**
 * A process, held until it is let go: whoever gets its number later, this
 * object stays with it. It keeps up to two descriptors open.
 */
export interface HeldProcess {
  /**
   * A name that no other process ever has, on this machine or after its next
   * start: for logs and comparisons. The same after exec. Absent before Linux 6.9.
   */
  readonly id?: string;
  /** The number by which it was recorded or asked for, in our pid namespace. */
  readonly pid?: number;
  /** `kernel`: the socket gave the process. `pid-only`: it was found by its number. */
  readonly binding: 'kernel' | 'pid-only';
  /** Why the binding is less than the kernel's; absent where it is not. */
  readonly lowered?: string;
  /** Has it not ended yet? A zombie has. */
  readonly alive: boolean;
  /** How it ended, where the kernel tells. */
  readonly exitStatus: Fact<ExitStatus>;
  /**
   * Resolves when the process has ended, with how it did where the kernel tells
   * that: Linux 6.15, once its parent has waited for it, for which a quarter of
   * a second is left. A process that is let go before stays untold: the promise
   * never settles then. Waiting does not keep the program running; see `ref()`.
   */
  readonly exited: Promise<Fact<ExitStatus>>;
  /** Keeps the program running until `exited` has settled. */
  ref(): void;
  /** Undoes `ref()`. */
  unref(): void;
  /** Ids, groups, capabilities, parent and cgroup of this moment. */
  now(): ProcessState;
  /** The program, its arguments, its age, its namespaces and what confines it, of this moment. */
  describe(): ProcessDescription;
  /**
   * Runs a synchronous function that reads files of the process. What it
   * returns belonged to this process, alive and with the same program, ids and
   * cgroup before and after; otherwise it is run again, three times at most.
   *
   * @throws {@link PeerError} `ERR_PEER_GONE`, `ERR_PEER_RACED`,
   * `ERR_PEER_PROCESS`, and whatever the function throws
   */
  read<T>(look: (files: ProcessFiles) => T): T;
  /** Closes what is held. Later questions throw `ERR_PEER_CLOSED`. */
  close(): void;
  [Symbol.dispose](): void;
}

/** The process of a peer, held. Only {@link peerProcess} makes one. */
export interface PeerProcess extends HeldProcess {
  /** What the kernel recorded with the socket. */
  readonly credentials: PeerCredentials;
  /** How it has changed since the kernel recorded it, and since it was first held. Empty: not at all, as far as can be seen. */
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

/** The pin of each process that was handed out, for the rooms above. */
const pins = new WeakMap<HeldProcess, Pin>();

/** The pin behind a process. */
export function pinBehind(process: HeldProcess): Pin {
  const pin = pins.get(process);
  if (pin !== undefined) return pin;
  throw new PeerError('ERR_PEER_CLOSED', 'this is no process that this library holds', { scope: 'call' });
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

/** Only Linux has processes to hold. */
export function requireLinux(): void {
  const { system } = addon();
  if (system === 'linux') return;
  throw new PeerError('ERR_PEER_UNSUPPORTED', `no way to hold a peer’s process is built in for ${system}`, {
    scope: 'daemon',
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
 * `pid-only`. Time: everything but `credentials` is of the moment of asking.
 * Exec is noticed by the program's file and by changed ids; who may not trace
 * the process cannot see the file, and exec of the same file is never noticed.
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
  requireLinux();
  const credentials = peerCredentials(source, options);
  const pin = pinPeer(descriptorBehind(source), credentials);
  try {
    return held(pin, credentials);
  } catch (error) {
    pin.close();
    throw error;
  }
}

function held(pin: Pin, credentials: PeerCredentials): PeerProcess {
  const first = snapshot(pin);
  return kept(pin, credentials.pid, {
    credentials,
    drift: () => driftBetween(credentials, first, snapshot(pin)),
  });
}

/** The object over a pin, with what is told of this kind of process beside. */
function kept<More extends object>(pin: Pin, pid: number | undefined, more: More): HeldProcess & More {
  const id = processId(pin.pidfd);
  let waiting: ExitWatch | undefined;
  const wait = () => {
    pin.ended();
    waiting ??= watchExit(pin);
    return waiting;
  };
  const close = () => {
    waiting?.close();
    pin.close();
  };
  const process = Object.freeze({
    ...(id === undefined ? {} : { id }),
    ...(pid === undefined ? {} : { pid }),
    binding: pin.binding,
    ...(pin.lowered === undefined ? {} : { lowered: pin.lowered }),
    get alive() {
      return !pin.ended();
    },
    get exitStatus() {
      return exitOf(pin);
    },
    get exited() {
      return wait().exited;
    },
    ref: () => wait().hold(true),
    unref: () => waiting?.hold(false),
    now: () => processState(pin),
    describe: () => describeProcess(pin),
    read: <T>(look: (files: ProcessFiles) => T) => pin.read(files => look(files)),
    close,
    [Symbol.dispose]: close,
    ...more,
  }) as HeldProcess & More;
  pins.set(process, pin);
  return process;
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
  const pin = pinNumber(pid);
  try {
    return kept(pin, pid, {});
  } catch (error) {
    pin.close();
    throw error;
  }
}

/**
 * A duplicate of a descriptor that another process has open, which the caller
 * closes: to ask about its sockets. It needs the right to trace the process.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM` with `errno`; `ERR_PEER_UNSUPPORTED` before Linux 5.6
 *
 * @example
 * ```ts
 * import { closeSync } from 'node:fs';
 * import { duplicateDescriptor, runningProcess } from 'sockcred/process';
 *
 * const self = runningProcess(process.pid);
 * closeSync(duplicateDescriptor(self, 0));
 * self.close();
 * ```
 *
 * @see https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html
 */
export function duplicateDescriptor(process: HeldProcess, fd: number): number {
  const result = duplicateFrom(pinBehind(process).pidfd, fd);
  if ('fd' in result) return result.fd;
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
