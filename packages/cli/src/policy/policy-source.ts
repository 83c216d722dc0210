/**
 * The bytes of a policy file, whole or not at all, and only if nobody but root
 * or our own user could have written them: whoever writes the policy, or
 * exchanges a directory on the way to it, lets in whom they like. sshd(8) asks
 * the same of authorized_keys (StrictModes).
 */

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { escapeText } from 'sockcred';
import { isBeingWritten } from 'sockcred/authorization';
import { SystemRefusal } from '../exit-codes.ts';

/** What was read, and where a change of it would show. */
export interface PolicySource {
  readonly bytes: Uint8Array;
  /** The directories in which the file, or a link on the way to it, has its name; each with which one that is. */
  readonly directories: ReadonlyMap<string, string>;
}

/** Somebody has the file open for writing: what is in it may be half of what is meant. */
export class BeingWritten extends SystemRefusal {}

/** More than anybody writes by hand, and less than would be felt. */
const MOST_BYTES = 1024 * 1024;
const MOST_LINKS = 40;
const ATTEMPTS = 5;

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

function refuse(path: string, why: string): never {
  throw new SystemRefusal(`${escapeText(path)}: ${why}`);
}

function failed(path: string, error: unknown): never {
  const { code = 'unknown' } = error as NodeJS.ErrnoException;
  return refuse(path, `the policy file cannot be read (${code})`);
}

function lookedAt(path: string): Stats {
  try {
    return lstatSync(path);
  } catch (error) {
    return failed(path, error);
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    return failed(path, error);
  }
}

/** Only root and the user that we are may write what we obey. */
function requireOurs(path: string, { uid }: Stats, what: string): void {
  const own = process.geteuid?.();
  if (own === undefined || uid === 0 || uid === own) return;
  refuse(path, `${what} belongs to uid ${uid}, who could change the policy; only root or uid ${own} may`);
}

/** In a sticky directory others make names of their own, and cannot touch ours. */
function safeDirectory(path: string): Stats {
  const stats = lookedAt(path);
  requireOurs(path, stats, 'the directory');
  if (
    process.geteuid === undefined ||
    (stats.mode & WRITABLE_BY_OTHERS) === 0 ||
    (stats.mode & STICKY) !== 0
  ) {
    return stats;
  }
  return refuse(path, 'others may write into this directory, and so exchange the policy; chmod go-w');
}

function requireSafeFile(path: string, stats: Stats): void {
  if (!stats.isFile()) refuse(path, 'is no regular file');
  requireOurs(path, stats, 'the file');
  if (process.geteuid !== undefined && (stats.mode & WRITABLE_BY_OTHERS) !== 0) {
    refuse(path, 'others may write this file, and so change the policy; chmod go-w');
  }
}

const words = (path: string) => path.split('/').filter(word => word !== '' && word !== '.');

/** Follows a path name by name: every directory on the way is looked at, also those of links. */
function follow(path: string): { readonly end: Stats; readonly directories: ReadonlyMap<string, string> } {
  const directories = new Map<string, string>();
  // Not resolve(): to leave a directory by `..` is not to leave the link that led into it.
  const absolute = path.startsWith('/') ? path : `${process.cwd()}/${path}`;
  const rest = words(absolute);
  let at = '/';
  let links = 0;
  let inside = safeDirectory(at);
  const remember = () => directories.set(at, `${inside.dev}:${inside.ino}`);
  const goTo = (directory: string) => {
    at = directory;
    inside = safeDirectory(at);
  };
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '..') {
      goTo(dirname(at));
      continue;
    }
    const next = join(at, name);
    const stats = lookedAt(next);
    if (stats.isSymbolicLink()) {
      requireOurs(next, stats, 'the link');
      if (++links > MOST_LINKS) refuse(path, 'more links than can be followed (ELOOP)');
      remember();
      const target = linkTarget(next);
      if (target.startsWith('/')) goTo('/');
      rest.unshift(...words(target));
    } else if (rest.length === 0) {
      requireSafeFile(next, stats);
      remember();
      return { end: stats, directories };
    } else {
      goTo(next);
    }
  }
  return refuse(path, 'is no regular file');
}

function readAll(fd: number, path: string): Uint8Array {
  const room = Buffer.alloc(MOST_BYTES + 1);
  let length = 0;
  for (;;) {
    const count = readSync(fd, room, length, room.length - length, length);
    if (count === 0) return Uint8Array.from(room.subarray(0, length));
    length += count;
    if (length > MOST_BYTES) refuse(path, `is larger than ${MOST_BYTES} bytes`);
  }
}

const sameState = (a: Stats, b: Stats) =>
  a.dev === b.dev &&
  a.ino === b.ino &&
  a.size === b.size &&
  a.mtimeMs === b.mtimeMs &&
  a.ctimeMs === b.ctimeMs;

/** One reading; undefined if the file was another one, or changed, meanwhile. */
function readOnce(path: string): PolicySource | undefined {
  const { end, directories } = follow(path);
  let fd: number;
  try {
    // Never waits, should it be a FIFO by now.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return failed(path, error);
  }
  try {
    const before = fstatSync(fd);
    if (before.dev !== end.dev || before.ino !== end.ino) return undefined;
    requireSafeFile(path, before);
    if (before.size > MOST_BYTES) refuse(path, `is larger than ${MOST_BYTES} bytes`);
    const bytes = readAll(fd, path);
    if (!sameState(before, fstatSync(fd))) return undefined;
    // Asked after reading: whoever wrote meanwhile, and closed it again, has changed its state.
    if (isBeingWritten(fd) === true)
      throw new BeingWritten(
        `${escapeText(path)}: somebody has the file open for writing, who may not have finished`,
      );
    return { bytes, directories };
  } catch (error) {
    if (error instanceof SystemRefusal) throw error;
    return failed(path, error);
  } finally {
    closeSync(fd);
  }
}

/**
 * Reads a policy file.
 *
 * @throws {@link SystemRefusal} naming what is wrong with the file or with a directory on the way to it.
 */
export function readPolicySource(path: string): PolicySource {
  for (let tries = 0; tries < ATTEMPTS; tries++) {
    const source = readOnce(path);
    if (source !== undefined) return source;
  }
  return refuse(path, 'changes each time that it is read');
}
