/**
 * A file as the kernel knows it already. A file system that would have to be
 * asked first, as one of a user's own program (FUSE) or a server's, is not:
 * nobody who answers late or never can keep us waiting. See statx(2),
 * AT_STATX_DONT_SYNC, and O_PATH in open(2).
 */

import { addon } from './addon.ts';
import { errnoName } from './errno.ts';
import { FROM_THE_ROOT, readRecord } from './kernel-record.ts';
import { outcomeOf } from './outcome.ts';

/** Where a file is. */
export interface FilePlace {
  /** Major and minor number. The major one is 0 where no block device is behind it. */
  readonly device: bigint;
  readonly onBlockDevice: boolean;
  /** As mountinfo has it; undefined before Linux 5.8. */
  readonly mount: number | undefined;
}

/** A file, as far as the kernel knows it without asking. */
export interface KnownFile extends FilePlace {
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly inode: bigint;
  readonly size: number;
}

const words = new Uint32Array(11);
const word = (index: number) => words[index] ?? 0;
const wide = (index: number) => (BigInt(word(index + 1)) << 32n) | BigInt(word(index));

function failure(status: number, path: string): Error {
  const { kind } = outcomeOf(status);
  const code = kind === 'unsupported' ? 'ENOSYS' : errnoName(status);
  return Object.assign(new Error(`${path} cannot be looked at: ${code}`), { code });
}

/** The number of a device as stat(2) has it: makedev(3), and `new_encode_dev()` where that is 32 bits. */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n);
}

function ask(directory: number, path: string): void {
  const status = -addon().fileAt(directory, Buffer.from(path), words);
  if (status !== 0) throw failure(status, path);
}

function place(): FilePlace {
  return {
    device: deviceNumber(word(3), word(4)),
    onBlockDevice: word(3) !== 0,
    mount: word(9) === 0 && word(10) === 0 ? undefined : Number(wide(9)),
  };
}

/** Where an open directory, or what a path below it leads to, is: also where its file system keeps us out. */
export function placeOf(directory: number, path = ''): FilePlace {
  ask(directory, path);
  return place();
}

/** An open file, or what a path below an open directory leads to. Throws EACCES where its file system keeps us out. */
export function knownFile(directory: number, path = ''): KnownFile {
  ask(directory, path);
  // No file has the mode 0: its type is in there.
  if (word(0) === 0) throw Object.assign(new Error(`${path} lets us not look at it`), { code: 'EACCES' });
  const [mode, links, uid, inode, size] = [word(0), word(1), word(2), wide(5), Number(wide(7))];
  return { ...place(), mode, links, uid, inode, size };
}

/** Holds what has this name, or what that leads to, without opening it. For `closeDescriptor()`. */
export function holdPath(directory: number, path: string, follow = false): number {
  const fd = addon().pathAt(directory, Buffer.from(path), follow);
  if (fd < 0) throw failure(-fd, path);
  return fd;
}

/** The mount of an open file, also by a kernel whose statx(2) does not tell it. */
export function mountOf(fd: number, { mount }: FilePlace): number | undefined {
  if (mount !== undefined) return mount;
  const text = Buffer.from(readRecord(FROM_THE_ROOT, `/proc/self/fdinfo/${fd}`, 65536)).toString('latin1');
  const [, number] = /^mnt_id:\t(\d{1,10})$/m.exec(text) ?? [];
  return number === undefined ? undefined : Number(number);
}
