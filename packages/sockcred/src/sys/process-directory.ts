/**
 * `/proc/PID`, opened once and never looked up again: such a descriptor belongs
 * to one process, and reading through it fails once that process is gone,
 * whoever has its number by then. The number comes from the pidfd's own fdinfo
 * on this very mount; any other number may mean another process here.
 */

import type { BigIntStats } from 'node:fs';
import { fs } from './builtin-modules.ts';
import { TooLarge } from './kernel-record.ts';
import { type PidfdProcess, pidfdProcess } from './pidfd-info.ts';

/** The directory of a process, or why there is none: `raced` if the process was lost while it was opened. */
export type OpenedDirectory =
  | { readonly fd: number; readonly pid: number }
  | { readonly missing: PidfdProcess['state'] | 'raced' };

/**
 * Opens the directory of the process behind a pidfd; the caller closes it. It
 * is that process's only if the process has not ended afterwards: then nobody
 * has waited for it, and the number was still its own while it was looked up.
 */
export function openProcessDirectory(pidfd: number): OpenedDirectory {
  const before = pidfdProcess(pidfd);
  if (before.state !== 'visible') return { missing: before.state };
  const { constants } = fs();
  try {
    const fd = fs().openSync(`/proc/${before.pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
    return { fd, pid: before.pid };
  } catch (error) {
    // Gone, or hidden by hidepid= : proc(5).
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { missing: 'raced' };
    throw error;
  }
}

/** The path of something below an open directory. */
export function below(directory: number, name: string): string {
  return `/proc/self/fd/${directory}/${name}`;
}

/** Reads all of an open file, if that is not too much; of a regular file its size says where the end is. */
export function readAll(fd: number, most: number, size?: number): Uint8Array {
  let bytes = new Uint8Array(Math.min(most + 1, Math.max(4096, (size ?? 0) + 1)));
  let used = 0;
  for (;;) {
    const got = fs().readSync(fd, bytes, used, bytes.length - used, null);
    used += got;
    if (got === 0 || used === size) return bytes.subarray(0, used);
    if (used > most) throw new TooLarge();
    if (used < bytes.length) continue;
    const larger = new Uint8Array(Math.min(most + 1, bytes.length * 4));
    larger.set(bytes);
    bytes = larger;
  }
}

/** A file that the kernel makes up, at most `most` bytes of it. */
export function readKernelFile(path: string, most: number): Uint8Array {
  const fd = fs().openSync(path, 'r');
  try {
    return readAll(fd, most);
  } finally {
    fs().closeSync(fd);
  }
}

/** The first bytes of a file that the kernel makes up, and whether there are more. */
export function readKernelStart(
  path: string,
  most: number,
): { readonly bytes: Uint8Array; readonly cut: boolean } {
  const fd = fs().openSync(path, 'r');
  try {
    const bytes = new Uint8Array(most + 1);
    let used = 0;
    for (;;) {
      const got = fs().readSync(fd, bytes, used, bytes.length - used, null);
      used += got;
      if (got === 0 || used > most) return { bytes: bytes.slice(0, Math.min(used, most)), cut: used > most };
    }
  } finally {
    fs().closeSync(fd);
  }
}

/** Of what a path leads to. */
export function statOf(path: string): BigIntStats {
  return fs().statSync(path, { bigint: true });
}

/** Closes what was opened here. */
export function closeOpened(fd: number): void {
  fs().closeSync(fd);
}
