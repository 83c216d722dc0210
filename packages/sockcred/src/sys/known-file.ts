/**
 * A file as the kernel knows it already. A file system that would have to be
 * asked first, as one of a user's own program (FUSE) or a server's, is not:
 * nobody who answers late or never can keep us waiting. See statx(2),
 * AT_STATX_DONT_SYNC, and O_PATH in open(2).
 */

import { addon } from './addon.ts';
import { fs } from './builtin-modules.ts';
import { errnoName } from './errno.ts';
import { FROM_THE_ROOT, readRecord } from './kernel-record.ts';
import { outcomeOf } from './outcome.ts';

/** The bits of a mode that say what a file is: inode(7). */
export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFDIR = 0o040000;

/** Where a file is. */
export class FilePlace {
  private readonly major: number;
  private readonly minor: number;
  /** As mountinfo has it; undefined before Linux 5.8. */
  readonly mount: number | undefined;

  /** Takes what was answered last. */
  constructor() {
    this.major = word(3);
    this.minor = word(4);
    this.mount = word(9) === 0 && word(10) === 0 ? undefined : wideNumber(9);
  }

  get onBlockDevice(): boolean {
    // The others have the major number 0.
    return this.major !== 0;
  }

  isOnDeviceOf(other: FilePlace): boolean {
    return this.major === other.major && this.minor === other.minor;
  }

  /** As stat(2) has it: makedev(3), and `new_encode_dev()` where that is 32 bits. */
  get device(): bigint {
    const [high, low] = [BigInt(this.major), BigInt(this.minor)];
    return (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n);
  }
}

/** A file, as far as the kernel knows it without asking. */
export class KnownFile extends FilePlace {
  readonly mode: number = word(0);
  readonly links: number = word(1);
  readonly uid: number = word(2);
  private readonly low: number = word(5);
  private readonly high: number = word(6);
  readonly size: number = wideNumber(7);

  get inode(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }
}

const words = new Uint32Array(11);
const word = (index: number) => words[index] ?? 0;
/** Of 64 bits; exact up to 2 to the 53. */
const wideNumber = (index: number) => word(index + 1) * 0x1_0000_0000 + word(index);

function codeOf(status: number): string {
  return outcomeOf(status).kind === 'unsupported' ? 'ENOSYS' : errnoName(status);
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${path} cannot be looked at: ${code}`), { code });
}

function ask(directory: number, path: string): void {
  const status = -addon().fileAt(directory, Buffer.from(path), words);
  if (status !== 0) throw failure(codeOf(status), path);
}

/** Where an open directory, or what a path below it leads to, is: also where its file system keeps us out. */
export function placeOf(directory: number, path = ''): FilePlace {
  ask(directory, path);
  return new FilePlace();
}

/** An open file, or what a path below an open directory leads to. Throws EACCES where its file system keeps us out. */
export function knownFile(directory: number, path = ''): KnownFile {
  ask(directory, path);
  // No file has the mode 0: its type is in there.
  if (word(0) === 0) throw Object.assign(new Error(`${path} lets us not look at it`), { code: 'EACCES' });
  return new KnownFile();
}

/** A file on a file system that is known to answer: as `knownFile()`, but before Linux 4.11 it is asked. */
export function answeringFile(path: string): Pick<KnownFile, 'inode' | 'mode' | 'uid'> | undefined {
  const status = -addon().fileAt(FROM_THE_ROOT, Buffer.from(path), words);
  if (status === 0) return new KnownFile();
  const code = codeOf(status);
  if (code === 'ENOENT') return undefined;
  if (code !== 'ENOSYS') throw failure(code, path);
  const found = fs().statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && { inode: found.ino, mode: Number(found.mode), uid: Number(found.uid) };
}

/**
 * Holds what has this name, or what that leads to, without opening it. For `closeDescriptor()`.
 * Undefined if there is no such name.
 */
export function holdPath(directory: number, path: string, follow = false): number | undefined {
  const fd = addon().pathAt(directory, Buffer.from(path), follow);
  if (fd >= 0) return fd;
  const code = codeOf(-fd);
  if (code === 'ENOENT') return undefined;
  throw failure(code, path);
}

/** The mount of an open file, also by a kernel whose statx(2) does not tell it. */
export function mountOf(fd: number, { mount }: FilePlace): number | undefined {
  if (mount !== undefined) return mount;
  const text = Buffer.from(readRecord(FROM_THE_ROOT, `/proc/self/fdinfo/${fd}`, 65536)).toString('latin1');
  const [, number] = /^mnt_id:\t(\d{1,10})$/m.exec(text) ?? [];
  return number === undefined ? undefined : Number(number);
}
