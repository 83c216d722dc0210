/**
 * Reads below the directory of one process. Handed out for the length of one
 * bracketed read only: what it gives is believed after the bracket has closed.
 */

import type { BigIntStats } from 'node:fs';
import { PeerTypeError } from '../errors.ts';
import { readLink, readRecord } from '../sys/kernel-record.ts';
import { isBelowOurs } from '../sys/namespaces.ts';
import {
  below,
  isForeignFuse,
  isMissing,
  keepsOut,
  leadsToDirectory,
  readForeignFile,
  readKernelFile,
  statOf,
} from '../sys/process-directory.ts';

const MOST_BYTES = 64 * 1024;

/** The files of one process, each named as in its directory: `'status'`, `'ns/mnt'`. */
export interface ProcessFiles {
  /** The bytes of a file that the kernel makes up; at most `most` (default 64 KiB), else it throws. */
  bytes(name: string, most?: number): Uint8Array;
  /** The same as text, each byte one character unless it is UTF-8. */
  text(name: string, most?: number): string;
  /** Where a link leads, as the kernel writes it. */
  link(name: string): string;
  /** What a link leads to. */
  stat(name: string): BigIntStats;
  /**
   * Is the user or pid namespace that this link leads to (`'ns/user'`, `'ns/pid'`) one below ours, at any depth? False
   * also before Linux 4.9, which does not tell.
   */
  isBelowOurs(name: string): boolean;
  /**
   * A regular file in the root directory of the process, as the process itself
   * sees it. Neither a link in its place nor a FIFO is ever followed or waited
   * for. Undefined if there is none, while the root directory itself is there.
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

/** The files below an open directory of a process. What a link says is asked once. */
export function processFiles(directory: number): ProcessFiles {
  const bytes = (name: string, most = MOST_BYTES) =>
    RECORDS.has(name)
      ? readRecord(directory, name, most)
      : readKernelFile(below(directory, checked(name)), most);
  const links = new Map<string, string>();
  return Object.freeze({
    bytes,
    text: (name: string, most?: number) => textOf(bytes(name, most)),
    link(name: string) {
      const link = links.get(name) ?? readLink(directory, checked(name));
      links.set(name, link);
      return link;
    },
    stat: (name: string) => statOf(below(directory, checked(name))),
    isBelowOurs: (name: string) => isBelowOurs(directory, checked(name)),
    inRoot(name: string, most: number) {
      if (checked(name).includes('/')) throw new PeerTypeError('ERR_ARGUMENT', 'name must be a single name');
      const root = below(directory, 'root');
      const path = `${root}/${name}`;
      try {
        if (!isMissing(path)) return readForeignFile(path, most);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // A root of FUSE that keeps us out is nobody's sandbox that we know of: toolboxes have such.
        if (code === 'EACCES' && keepsOut(root) && isForeignFuse(root)) return undefined;
        if (code !== 'ENOENT') throw error;
      }
      // A root that cannot be reached is never taken for one without the file: the first thread may have ended.
      if (leadsToDirectory(root)) return undefined;
      throw Object.assign(new Error('the root directory of the process cannot be reached'), {
        code: 'ENOENT',
      });
    },
  });
}
