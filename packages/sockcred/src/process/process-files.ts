/**
 * Reads below the directory of one process. Handed out for the length of one
 * bracketed read only: what it gives is believed after the bracket has closed.
 */

import type { BigIntStats } from 'node:fs';
import { PeerTypeError } from '../errors.ts';
import {
  below,
  closeOpened,
  isForeignFuse,
  isMissing,
  openDirectory,
  readForeignFile,
  readKernelFile,
  readLink,
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

function checked(name: string): string {
  if (!name.startsWith('/') && !name.split('/').includes('..') && !name.includes('\0')) return name;
  throw new PeerTypeError('ERR_ARGUMENT', 'name must be a path below the directory of the process');
}

/** The files below an open directory of a process. */
export function processFiles(directory: number): ProcessFiles {
  const bytes = (name: string, most = MOST_BYTES) => readKernelFile(below(directory, checked(name)), most);
  return Object.freeze({
    bytes,
    text: (name: string, most?: number) => textOf(bytes(name, most)),
    link: (name: string) => readLink(below(directory, checked(name))),
    stat: (name: string) => statOf(below(directory, checked(name))),
    inRoot(name: string, most: number) {
      if (checked(name).includes('/')) throw new PeerTypeError('ERR_ARGUMENT', 'name must be a single name');
      // Opened first, so that a root which cannot be reached is never taken for a file that is not there.
      const path = below(directory, 'root');
      let root: number;
      try {
        root = openDirectory(path);
      } catch (error) {
        // A root of FUSE that keeps us out is nobody's sandbox that we know of: toolboxes have such.
        if ((error as NodeJS.ErrnoException).code === 'EACCES' && isForeignFuse(path)) return undefined;
        throw error;
      }
      try {
        // Most processes have none, and an exception takes longer than all else here.
        return isMissing(below(root, name)) ? undefined : readForeignFile(below(root, name), most);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      } finally {
        closeOpened(root);
      }
    },
  });
}
