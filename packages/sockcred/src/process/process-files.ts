/**
 * Reads below the directory of one process. Handed out for the length of one
 * bracketed read only: what it gives is believed after the bracket has closed.
 */

import type { BigIntStats } from 'node:fs';
import { PeerTypeError } from '../errors.ts';
import { readInRoot } from '../sys/foreign-file.ts';
import { readLink, readRecord } from '../sys/kernel-record.ts';
import { type KnownFile, knownFile } from '../sys/known-file.ts';
import { isBelowOurs } from '../sys/namespaces.ts';
import { below, readKernelFile, readKernelStart, statOf } from '../sys/process-directory.ts';

const MOST_BYTES = 64 * 1024;
/** The status file of a process in all of the 65536 groups that the kernel allows has 700 KiB. */
const MOST_RECORD_BYTES = 1024 * 1024;

/** The files of one process, each named as in its directory: `'status'`, `'ns/mnt'`. */
export interface ProcessFiles {
  /**
   * The bytes of a file that the kernel makes up; at most `most` (default 64 KiB, and 1 MiB of `status`, `stat` and
   * `cgroup`), else it throws `ERR_PEER_PROCESS`.
   */
  bytes(name: string, most?: number): Uint8Array;
  /** The same as text, each byte one character unless it is UTF-8. */
  text(name: string, most?: number): string;
  /** The first `most` bytes, and whether there are more. */
  start(name: string, most: number): { readonly bytes: Uint8Array; readonly cut: boolean };
  /** Where a link leads, as the kernel writes it. */
  link(name: string): string;
  /** What a link leads to. Its file system is asked, and may be one that never answers. */
  stat(name: string): BigIntStats;
  /** The same, as far as the kernel knows it without asking. On a kernel that cannot tell (ENOSYS), as `stat()`. */
  known(name: string): Pick<KnownFile, 'device' | 'inode' | 'links'>;
  /**
   * Is the user or pid namespace that this link leads to (`'ns/user'`, `'ns/pid'`) one below ours, at any depth? False
   * also before Linux 4.9, which does not tell.
   */
  isBelowOurs(name: string): boolean;
  /**
   * A regular file in the root directory of the process, as the process itself
   * sees it. Whatever else is in its place is neither opened nor asked. Undefined
   * if there is none, while the root directory itself is there, and where that
   * is of a kind that only users make: FUSE, or an overlay of their own.
   */
  inRoot(name: string, most: number): Uint8Array | undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder('latin1');

/** Text where it is UTF-8, else one character for each byte. */
export function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return latin1.decode(bytes);
  }
}

/** What leads out of the directory: a slash at the beginning, a step upwards, an end too early. */
const OUTSIDE = /^\/|(?:^|\/)\.\.(?:\/|$)|\0/;

function checked(name: string): string {
  if (!OUTSIDE.test(name)) return name;
  throw new PeerTypeError('ERR_ARGUMENT', 'name must be a path below the directory of the process');
}

/** Files that are one record each. */
const RECORDS: ReadonlySet<string> = new Set(['status', 'stat', 'cgroup']);

/** What a link below the directory leads to, by statx(2) where there is one. */
export function knownBelow(directory: number, name: string): Pick<KnownFile, 'device' | 'inode' | 'links'> {
  try {
    return knownFile(directory, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSYS') throw error;
    const { dev, ino, nlink } = statOf(below(directory, name));
    return { device: dev, inode: ino, links: Number(nlink) };
  }
}

/** The files below an open directory of a process. What a link says is asked once. */
export function processFiles(directory: number): ProcessFiles {
  const bytes = (name: string, most?: number) =>
    RECORDS.has(name)
      ? readRecord(directory, name, most ?? MOST_RECORD_BYTES)
      : readKernelFile(below(directory, checked(name)), most ?? MOST_BYTES);
  const links = new Map<string, string>();
  return Object.freeze({
    bytes,
    text: (name: string, most?: number) => textOf(bytes(name, most)),
    start: (name: string, most: number) => readKernelStart(below(directory, checked(name)), most),
    link(name: string) {
      const link = links.get(name) ?? readLink(directory, checked(name));
      links.set(name, link);
      return link;
    },
    stat: (name: string) => statOf(below(directory, checked(name))),
    known: (name: string) => knownBelow(directory, checked(name)),
    isBelowOurs: (name: string) => isBelowOurs(directory, checked(name)),
    inRoot(name: string, most: number) {
      if (checked(name).includes('/')) throw new PeerTypeError('ERR_ARGUMENT', 'name must be a single name');
      return readInRoot(directory, name, most);
    },
  });
}
