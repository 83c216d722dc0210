/**
 * Files that somebody else put where they are. To open one can do something, if
 * it is a device, and to ask a file system of a user's own program (FUSE) can
 * keep us waiting for ever. So each is held and judged first, by what the kernel
 * knows, and only a regular file of a file system that answers by itself is
 * opened. That is a list of such file systems and not of the others: there are
 * ever more of those that the kernel makes up and where reading has an effect.
 */

import { fs } from './builtin-modules.ts';
import { closeDescriptor } from './descriptor.ts';
import { FROM_THE_ROOT, readLink, readRecordInside, TooLarge } from './kernel-record.ts';
import {
  type FilePlace,
  holdPath,
  knownFile,
  mountOf,
  placeOf,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from './known-file.ts';
import { ownNamespace } from './namespaces.ts';
import { below, readAll, readKernelFile } from './process-directory.ts';

/** A file that ought to be a regular one is something else. */
export class NotRegular extends Error {}

/** A file is on a file system whose files are not opened, or that is not known. */
export class NotPlain extends Error {}

/** Kept by the kernel alone, in memory or on disks that the superuser gave it. A block device says so itself. */
const PLAIN = new Set(['tmpfs', 'ramfs', 'rootfs', 'btrfs', 'zfs', 'bcachefs', 'ubifs', 'squashfs', 'erofs']);
const FUSE = /^fuse(?:\.|$)|^virtiofs$/;

const MOST_MOUNT_BYTES = 1 << 20;

/** The type of the file system that a mount shows, in the text of a mountinfo file: proc(5). Pure. */
export function typeOfMount(text: string, mount: number): string | undefined {
  const line = text.startsWith(`${mount} `)
    ? text.slice(0, text.indexOf('\n'))
    : /^[^\n]*/.exec(text.slice(text.indexOf(`\n${mount} `) + 1))?.[0];
  if (line?.startsWith(`${mount} `) !== true) return undefined;
  // Spaces in names are escaped, so that the first lone minus ends the optional fields.
  return /^.*? - (\S+) /.exec(line)?.[1];
}

let own: FilePlace | undefined;

/** On a block device, or where our own root directory is: then whoever made that wait made us wait before. */
function isOurs(place: FilePlace): boolean {
  if (place.onBlockDevice) return true;
  own ??= placeOf(FROM_THE_ROOT, '/');
  return place.isOnDeviceOf(own);
}

const latin1 = new TextDecoder('latin1');

/** Looks a mount up: as the process sees it, whose directory is open, and as we do. A mount that is held keeps its number. */
function typeAt(fd: number, place: FilePlace, directory: number | undefined): string | undefined {
  const mount = mountOf(fd, place);
  if (mount === undefined) return undefined;
  const lists = ['/proc/self/mountinfo'];
  if (directory !== undefined) lists.unshift(below(directory, 'mountinfo'));
  for (const list of lists) {
    const type = typeOfMount(latin1.decode(readKernelFile(list, MOST_MOUNT_BYTES)), mount);
    if (type !== undefined) return type;
  }
  return undefined;
}

/** Whether a root directory is looked into. */
function mayLook(root: number, place: FilePlace, directory: number): boolean {
  if (isOurs(place)) return true;
  const type = typeAt(root, place, directory);
  if (type !== undefined && PLAIN.has(type)) return true;
  if (type !== undefined && FUSE.test(type)) return false;
  // In our own user namespace only the superuser gives a process a root directory.
  if (readLink(directory, 'ns/user') === ownNamespace('user')) return true;
  if (type === undefined) throw new NotPlain('its root directory is on a mount that is listed nowhere');
  return false;
}

/** A descriptor of what was looked for, which has to be there. */
function held(fd: number | undefined): number {
  if (fd !== undefined) return fd;
  throw Object.assign(new Error('there is no such directory'), { code: 'ENOENT' });
}

/** Reads a held file that was judged. This link of procfs leads to the very same one, whatever has its name by now. */
function readHeld(held: number, size: number): Uint8Array {
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = fs().constants;
  const fd = fs().openSync(`/proc/self/fd/${held}`, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  try {
    return readAll(fd, size, size);
  } finally {
    fs().closeSync(fd);
  }
}

/**
 * A regular file in the root directory of a process, whose directory is open.
 * Undefined if there is none, or if the root directory is of a kind that only
 * users give themselves: they could as well have left the file out.
 *
 * @throws NotRegular, NotPlain, TooLarge
 */
export function readInRoot(directory: number, name: string, most: number): Uint8Array | undefined {
  // Held from here on, so that it cannot become another one.
  const root = held(holdPath(directory, 'root', true));
  try {
    const rootPlace = placeOf(root);
    if (!mayLook(root, rootPlace, directory)) return undefined;
    const file = holdPath(root, name);
    if (file === undefined) return undefined;
    try {
      const known = knownFile(file);
      if ((known.mode & S_IFMT) === S_IFLNK) throw Object.assign(new Error('a link'), { code: 'ELOOP' });
      if ((known.mode & S_IFMT) !== S_IFREG) throw new NotRegular();
      // Overlays give their files devices of their own.
      const asRoot = known.isOnDeviceOf(rootPlace) || known.mount === (rootPlace.mount ?? -1);
      if (!asRoot && !isOurs(known)) {
        const type = typeAt(file, known, directory);
        if (type === undefined || !PLAIN.has(type))
          throw new NotPlain(`it is on ${type ?? 'an unlisted mount'}`);
      }
      if (known.size > most) throw new TooLarge();
      return readHeld(file, known.size);
    } finally {
      closeDescriptor(file);
    }
  } finally {
    closeDescriptor(root);
  }
}

/**
 * A file below a directory that a user owns, in our own mount namespace: all of
 * the way is on the directory's own mount, where no user can have put a device.
 *
 * @throws NotPlain, TooLarge, and whatever else keeps it from being read
 */
export function readBelow(top: string, path: string, most: number): Uint8Array {
  const directory = held(holdPath(FROM_THE_ROOT, top));
  try {
    const place = placeOf(directory);
    if (!isOurs(place) && !PLAIN.has(typeAt(directory, place, undefined) ?? '')) throw new NotPlain();
    return readRecordInside(directory, path, most);
  } finally {
    closeDescriptor(directory);
  }
}
