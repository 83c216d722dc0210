/**
 * A process held by its pidfd, and the bracket around every read of its files:
 * what comes back belonged to a process that lived, as the same program with
 * the same ids, before and after. The kernel vouches for which process it is
 * where the pidfd came from the socket; a number only where there was no other.
 */

import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerError, PeerTypeError } from '../errors.ts';
import { type AddressSpace, addressSpace } from '../sys/address-space.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import type { Outcome } from '../sys/outcome.ts';
import { type PeerPidfd, peerPidfd } from '../sys/peer-pidfd.ts';
import {
  openProcess,
  type ProcessIdWords,
  type ProcessInfo,
  processEnded,
  processInfo,
} from '../sys/pidfd.ts';
import { closeOpened, openProcessDirectory } from '../sys/process-directory.ts';
import type { Binding } from './graded.ts';
import { knownBelow, type ProcessFiles, processFiles } from './process-files.ts';

/** What PIDFD_GET_INFO tells, or why it does not. */
export type PidfdAnswer = ProcessInfo | { readonly refused: Outcome };

/** A process, held. */
export interface Pin {
  /** What is readable once it has ended: a pidfd, or elsewhere than on Linux a queue. */
  readonly pidfd: number;
  /** Of the pidfd itself: `kernel`, or `pid-only` where a number had to be believed. */
  readonly binding: 'kernel' | 'pid-only';
  /** Of what is read below its directory. */
  readonly readBinding: Binding;
  /** Why the binding is less than the kernel's. */
  readonly lowered?: string;
  ended(): boolean;
  info(): PidfdAnswer;
  /** The number of the process in this procfs, and nowhere else. */
  number(): number;
  /** `info` is of the beginning of the bracket, and the same at its end. */
  read<T>(look: (files: ProcessFiles, info: PidfdAnswer) => T): T;
  /** Has it executed a program since this was asked first? False also where that cannot be told. */
  executed(): boolean;
  close(): void;
}

const gone = (message: string) => new PeerError('ERR_PEER_GONE', message, { scope: 'connection' });
const raced = (message: string, cause?: unknown) =>
  new PeerError('ERR_PEER_RACED', message, { scope: 'connection', cause });
const unseen = (message: string) => new PeerError('ERR_PEER_PROCESS', message, { scope: 'connection' });

const LOWERED =
  'this kernel gives no pidfd of a peer (Linux 6.5): the process was found by its number, which may have passed to another one before';

/**
 * What pidfd_open(2) says of a number that no process has: of one that a group, a session or a thread has still
 * EINVAL, and since Linux 6.15 ENOENT or ESRCH.
 */
const NO_PROCESS: ReadonlySet<string> = new Set(['ESRCH', 'EINVAL', 'ENOENT']);

function openedByNumber(pid: number): number {
  const opened = openProcess(pid);
  if ('fd' in opened) return opened.fd;
  const { kind, errno } = opened.refused;
  if (errno !== undefined && NO_PROCESS.has(errno)) throw gone(`no process has the number ${pid} any more`);
  if (kind === 'unsupported') throw unseen('this kernel has no pidfds: Linux 5.3');
  throw new PeerError('ERR_PEER_SYSTEM', `no pidfd of process ${pid}: ${errno ?? kind}`, {
    scope: 'connection',
    ...(errno === undefined ? {} : { errno }),
  });
}

/** Whatever process has a number now. */
export function pinNumber(pid: number): Pin {
  return pinOf(openedByNumber(pid), 'pid-only', 'it was asked for by its number');
}

function pinByRecord({ pid }: PeerCredentials): Pin {
  if (pid === undefined) {
    throw unseen('the number of the peer’s process is unknown, and this kernel has no pidfd of it');
  }
  return pinOf(openedByNumber(pid), 'pid-only', LOWERED);
}

/**
 * What the socket gave, or the next best. Only a kernel without the question
 * leads down the ladder: a peer that is gone is not looked for by its number.
 */
export function pinFrom(given: PeerPidfd, peer: PeerCredentials): Pin {
  if (given.fd !== undefined) return pinOf(given.fd, 'kernel');
  switch (given.outcome.kind) {
    case 'unsupported':
      return pinByRecord(peer);
    case 'gone':
      throw gone('the peer’s process had ended before it was asked for');
    case 'no-data':
      throw unseen('the kernel recorded no process for this socket');
    default:
      throw unseen(`no pidfd of the peer: ${given.outcome.errno ?? given.outcome.kind}`);
  }
}

/** Holds the process behind a connected socket. */
export function pinPeer(fd: number, peer: PeerCredentials): Pin {
  return pinFrom(peerPidfd(fd), peer);
}

/** What must be the same after a read as before it. */
interface Sameness {
  readonly info: PidfdAnswer;
  readonly program: string | undefined;
}

function haveSameIds(first: ProcessIdWords | undefined, second: ProcessIdWords | undefined): boolean {
  if (first === undefined || second === undefined) return first === second;
  return (Object.keys(first) as (keyof ProcessIdWords)[]).every(name => first[name] === second[name]);
}

function isSame(before: Sameness, after: Sameness): boolean {
  if (before.program !== after.program) return false;
  const first: ProcessInfo = 'refused' in before.info ? {} : before.info;
  const second: ProcessInfo = 'refused' in after.info ? {} : after.info;
  return first.cgroup === second.cgroup && haveSameIds(first.ids, second.ids);
}

/**
 * Nobody has waited for a process whose ids are told, so that its number is still its own, and with it the directory
 * that was opened by that; and what has a program there has not ended: a zombie has none.
 */
function showsLife({ info, program }: Sameness): boolean {
  return program !== undefined && !('refused' in info) && info.ids !== undefined;
}

/** How often a read that raced is tried again before it is given up. */
const ATTEMPTS = 3;

/** A pin over a pidfd, which belongs to it from now on. */
export function pinOf(pidfd: number, binding: 'kernel' | 'pid-only', lowered?: string): Pin {
  let directory: { readonly fd: number; readonly pid: number } | undefined;
  let firstSpace: AddressSpace | undefined;
  let open = true;

  function opened(): void {
    if (!open) throw new PeerError('ERR_PEER_CLOSED', 'the process was let go', { scope: 'call' });
  }

  /** To be believed if the process has not ended afterwards; if it has, nothing is read here any more. */
  function openDirectory(): { readonly fd: number; readonly pid: number } {
    if (directory !== undefined) return directory;
    const found = openProcessDirectory(pidfd);
    if ('fd' in found) {
      directory = found;
      return found;
    }
    switch (found.missing) {
      case 'reaped':
        throw gone('the process has ended, and its files with it');
      case 'foreign':
        throw unseen('the process is in a pid namespace that this procfs does not show');
      case 'raced':
        throw processEnded(pidfd)
          ? gone('the process has ended, and its files with it')
          : unseen('procfs does not show this process (hidepid)');
      default:
        throw unseen('which process it is cannot be read: procfs is missing, or privileges were dropped');
    }
  }

  function spaceOfNow(): AddressSpace | undefined {
    let space: AddressSpace | undefined;
    try {
      space = addressSpace(openDirectory().fd);
      if (!processEnded(pidfd)) return space;
    } catch {
      // Nothing of it can be told.
    }
    space?.close();
    return undefined;
  }

  /** Exec changes the program, setuid programs the ids; who may not trace the process sees only the ids. */
  function sameness(fd: number): Sameness {
    const info = processInfo(pidfd);
    let program: string | undefined;
    try {
      const { device, inode } = knownBelow(fd, 'exe');
      program = `${device}:${inode}`;
    } catch {
      program = undefined;
    }
    return { info, program };
  }

  /** One bracketed read; undefined if the process changed meanwhile. */
  function attempt<T>(
    look: (files: ProcessFiles, info: PidfdAnswer) => T,
  ): { readonly value: T } | undefined {
    const { fd } = openDirectory();
    const before = sameness(fd);
    if (!showsLife(before) && processEnded(pidfd)) throw gone('the process has ended');
    let outcome: { readonly value: T } | { readonly error: unknown };
    try {
      outcome = { value: look(processFiles(fd), before.info) };
    } catch (error) {
      outcome = { error };
    }
    const after = sameness(fd);
    if (!showsLife(after) && processEnded(pidfd)) {
      throw raced('the process ended while it was read', 'error' in outcome ? outcome.error : undefined);
    }
    if (!isSame(before, after)) return undefined;
    if ('error' in outcome) throw outcome.error;
    return outcome;
  }

  return {
    pidfd,
    binding,
    readBinding: binding === 'kernel' ? 'pinned' : 'pid-only',
    ...(lowered === undefined ? {} : { lowered }),
    ended() {
      opened();
      return processEnded(pidfd);
    },
    info() {
      opened();
      return processInfo(pidfd);
    },
    number() {
      opened();
      const { pid } = openDirectory();
      if (processEnded(pidfd)) throw gone('the process has ended, and its number with it');
      return pid;
    },
    read(look) {
      opened();
      for (let tries = 0; tries < ATTEMPTS; tries++) {
        const done = attempt(look);
        if (done === undefined) continue;
        if (done.value instanceof Promise) {
          throw new PeerTypeError('ERR_ARGUMENT', 'the reading function must be synchronous');
        }
        return done.value;
      }
      throw raced('the process changed each time that it was read');
    },
    executed() {
      opened();
      if (firstSpace === undefined) {
        firstSpace = spaceOfNow();
        return false;
      }
      if (firstSpace.inUse()) return false;
      // Nobody uses the first one. A process that is ending has none; one that has one has executed something.
      const space = spaceOfNow();
      try {
        return space?.inUse() === true;
      } finally {
        space?.close();
      }
    },
    close() {
      if (!open) return;
      open = false;
      closeDescriptor(pidfd);
      firstSpace?.close();
      if (directory !== undefined) closeOpened(directory.fd);
    },
  };
}
