/**
 * Does a path lead to the file that a socket was bound to? sock_diag(7) tells
 * that file by device and inode; the path is text of whoever called bind(2),
 * and by now, or here, it may lead to another file or to none.
 */

import { fs } from './builtin-modules.ts';

/** A file as `UDIAG_SHOW_VFS` names it. */
interface BoundFile {
  /** In the kernel's own form: 12 bits of major, 20 of minor number. */
  readonly device: number;
  /** The lower 32 bits. */
  readonly inode: number;
}

/** The same of st_dev, which has the major number in the middle: makedev(3). */
function kernelDevice(device: bigint): number {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return Number(BigInt.asUintN(32, (major << 20n) | minor));
}

/**
 * False if it leads to another file, or to none. Undefined where that cannot
 * be told: a relative path, one that we may not follow, or a file system that
 * gives stat(2) another device than its own, as btrfs does.
 */
export function leadsTo(path: string, file: BoundFile): boolean | undefined {
  if (!path.startsWith('/')) return undefined;
  try {
    const found = fs().statSync(path, { bigint: true });
    if (!found.isSocket() || Number(BigInt.asUintN(32, found.ino)) !== file.inode) return false;
    return kernelDevice(found.dev) === file.device ? true : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? false : undefined;
  }
}
