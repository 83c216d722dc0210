/**
 * Files that the kernel makes up as one record at the first read, and gives in
 * one piece to whoever has room for it: status, stat, cgroup and fdinfo in
 * procfs (single_open() of seq_file, in every version). A read that leaves
 * room is the whole record, and none to find its end is needed.
 */

import { fs } from './builtin-modules.ts';

/** Not the answer to a question but a fault of it: the file is larger than it may be. */
export class TooLarge extends Error {}

const ROOM = 4096;

/** Reads such a file, if it has no more than `most` bytes. */
export function readRecord(path: string, most: number): Uint8Array {
  const fd = fs().openSync(path, 'r');
  try {
    for (let room = ROOM; ; room *= 4) {
      const bytes = new Uint8Array(room);
      const got = fs().readSync(fd, bytes, 0, room, 0);
      if (got > most) throw new TooLarge();
      if (got < room) return bytes.subarray(0, got);
    }
  } finally {
    fs().closeSync(fd);
  }
}
