/**
 * What the kernel makes up about a process, below the open directory of it:
 * files of one record each (status, stat, cgroup and fdinfo in procfs), and
 * links. Each is one question, by openat(2) or readlinkat(2), which the
 * runtimes' own file functions do not have.
 */

import { PeerError } from '../errors.ts';
import { addon } from './addon.ts';
import { errnoName } from './errno.ts';

/** Not the answer to a question but a fault of it: the file is larger than it may be. */
export class TooLarge extends PeerError {
  constructor() {
    super('ERR_PEER_PROCESS', 'a file about the process is larger than is read', { scope: 'connection' });
  }
}

/** For a path that begins with a slash: no directory. */
export const FROM_THE_ROOT = -1;

/** Enough for almost every answer; nothing that is told keeps a hold of it. */
let room = Buffer.alloc(4096);
const MOST_LINK_BYTES = 64 * 1024;

type Question = 'recordAt' | 'recordInside' | 'linkAt';

/** The bytes of an answer, until the next question. */
function answerTo(question: Question, directory: number, path: string, most: number): Buffer {
  for (;;) {
    const length = addon()[question](directory, Buffer.from(path), room);
    if (length > most) throw new TooLarge();
    if (length >= 0) return room.subarray(0, length);
    const code = errnoName(-length);
    if (code !== 'ERANGE') {
      throw Object.assign(new Error(`${path} cannot be read: ${code}`), { code });
    }
    if (room.length > most) throw new TooLarge();
    room = Buffer.alloc(room.length * 4);
  }
}

/** Reads such a file, if it has no more than `most` bytes. */
export function readRecord(directory: number, path: string, most: number): Uint8Array {
  return Uint8Array.prototype.slice.call(answerTo('recordAt', directory, path, most));
}

/** Reads a small file that is on the very mount of an open directory, with no link on the way. */
export function readRecordInside(directory: number, path: string, most: number): Uint8Array {
  return Uint8Array.prototype.slice.call(answerTo('recordInside', directory, path, most));
}

/** Where a link leads. */
export function readLink(directory: number, path: string): string {
  return answerTo('linkAt', directory, path, MOST_LINK_BYTES).toString();
}
