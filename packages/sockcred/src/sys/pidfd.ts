/**
 * What Linux tells of the process behind a pidfd, now and after its end, each
 * function one question of `native/process_linux.c`. A pidfd is of one process
 * for ever: its number may be given to another one, the descriptor never is.
 * On macOS and the BSDs a queue stands for a process, of which it tells the
 * end and nothing else (`native/process_kqueue.c`).
 */

import { PeerError } from '../errors.ts';
import { addon } from './addon.ts';
import { fs, os } from './builtin-modules.ts';
import { errnoName } from './errno.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

/** The ids of a process at the moment of asking; none of them is judged yet. */
export interface ProcessIdWords {
  /** In our pid namespace. Never a name for a directory: see `pidfdProcess()`. */
  readonly pid: number;
  /** 0: not in our pid namespace. */
  readonly parent: number;
  readonly realUid: number;
  readonly effectiveUid: number;
  readonly savedUid: number;
  readonly filesystemUid: number;
  readonly realGid: number;
  readonly effectiveGid: number;
  readonly savedGid: number;
  readonly filesystemGid: number;
}

/** `PIDFD_GET_INFO`; what is absent the kernel did not say. */
export interface ProcessInfo {
  readonly ids?: ProcessIdWords;
  /** Inode of the cgroup's directory in the unified hierarchy. */
  readonly cgroup?: bigint;
  /** As of wait(2): the process has ended and was waited for. */
  readonly waitStatus?: number;
}

/** A descriptor that the caller must close, or why there is none. */
export type NewDescriptor = { readonly fd: number } | { readonly refused: Outcome };

/** `enum sys_process_known` of `native/sys.h`. */
const IDS = 1;
const CGROUP = 2;
const EXIT = 4;

const words = new Uint32Array(14);
const word = (index: number): number => words[index] ?? 0;
const wide = (low: number): bigint => (BigInt(word(low + 1)) << 32n) | BigInt(word(low));

/** The process behind a pidfd, or why nothing is told. */
export function processInfo(pidfd: number): ProcessInfo | { readonly refused: Outcome } {
  const status = addon().processInfo(pidfd, words);
  if (status !== 0) return { refused: outcomeOf(-status) };
  const known = word(0);
  return {
    ...((known & IDS) === 0 ? {} : { ids: idWords() }),
    ...((known & CGROUP) === 0 ? {} : { cgroup: wide(11) }),
    ...((known & EXIT) === 0 ? {} : { waitStatus: word(13) }),
  };
}

function idWords(): ProcessIdWords {
  return {
    pid: word(1),
    parent: word(2),
    realUid: word(3),
    effectiveUid: word(4),
    savedUid: word(5),
    filesystemUid: word(6),
    realGid: word(7),
    effectiveGid: word(8),
    savedGid: word(9),
    filesystemGid: word(10),
  };
}

/**
 * Has the process ended, with all its threads? A zombie has.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM`
 */
export function processEnded(held: number): boolean {
  const result = addon().processEnded(held);
  if (result >= 0) return result === 1;
  const errno = errnoName(-result);
  throw new PeerError('ERR_PEER_SYSTEM', `whether a process has ended cannot be asked: ${errno}`, {
    scope: 'connection',
    errno,
  });
}

function newDescriptor(result: number): NewDescriptor {
  return result >= 0 ? { fd: result } : { refused: outcomeOf(-result) };
}

/** A descriptor that stands for whatever process has this number now. */
export function openProcess(pid: number): NewDescriptor {
  return newDescriptor(addon().processOpen(pid));
}

/** A duplicate of another process's descriptor: pidfd_getfd(2), which wants the right to trace it. */
export function duplicateFrom(pidfd: number, fd: number): NewDescriptor {
  return newDescriptor(addon().processDescriptor(pidfd, fd));
}

/** `SO_NETNS_COOKIE`: which network namespace a socket belongs to. */
export function netnsCookie(fd: number): bigint | undefined {
  return addon().netnsCookie(fd, words) === 0 ? wide(0) : undefined;
}

/** f_type of pidfs (Linux 6.9). Before it, all pidfds share one inode. */
const PIDFS_MAGIC = 0x50494446;

/** Kernels of 32 bits have inode numbers of 32 bits, which come round again. */
const WIDE_INODES = /64|s390x|alpha/;

let pidfs: boolean | undefined;
let bootId: string | undefined;

function hasPidfs(pidfd: number): boolean {
  try {
    return WIDE_INODES.test(os().machine()) && fs().statfsSync(`/proc/self/fd/${pidfd}`).type === PIDFS_MAGIC;
  } catch {
    return false;
  }
}

function readBootId(): string | undefined {
  try {
    const text = fs().readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return /^[0-9a-f-]{36}$/.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A name for the process that no other one ever has: the boot, and the inode
 * of its pidfd, which is given once per boot. Undefined before Linux 6.9.
 */
export function processId(pidfd: number): string | undefined {
  pidfs ??= hasPidfs(pidfd);
  if (!pidfs) return undefined;
  bootId ??= readBootId();
  if (bootId === undefined) return undefined;
  // By its path: Deno's fstat() knows only the descriptors that it opened itself.
  return `${bootId}:${fs().statSync(`/proc/self/fd/${pidfd}`, { bigint: true }).ino}`;
}
