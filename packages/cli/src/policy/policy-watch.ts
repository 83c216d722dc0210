/**
 * Notices that a policy file has other contents. The directories in which its
 * name, and every link on the way to it, stand are watched, since editors and
 * Kubernetes put another file or link in place of the old one. What is seen is
 * believed once it has been the same twice with a pause between, and not while
 * somebody has the file open for writing, where that can be told: a file that
 * is still being written is not read half.
 */

import { type FSWatcher, watch } from 'node:fs';
import { BeingWritten, type PolicySource, readPolicySource } from './policy-source.ts';

/** Gives the bytes, or throws why there are none. */
export type Seen = () => Uint8Array;

/** Between the last change and the first look, and between two looks. */
const PAUSE_MS = 150;
/** For what no watch tells: network file systems, a directory further up that was replaced. */
const LOOK_EVERY_MS = 5000;

interface Look {
  readonly seen: Seen;
  readonly print: string;
  readonly source?: PolicySource;
  /** Somebody is writing it. */
  readonly unfinished?: boolean;
}

function look(path: string): Look {
  try {
    const source = readPolicySource(path);
    return { seen: () => source.bytes, print: Buffer.from(source.bytes).toString('latin1'), source };
  } catch (error) {
    const seen = () => {
      throw error;
    };
    const print = `\0${error instanceof Error ? error.message : 'no error'}`;
    return { seen, print, unfinished: error instanceof BeingWritten };
  }
}

export class PolicyWatch {
  readonly #path: string;
  readonly #tell: (seen: Seen) => void;
  readonly #watched = new Map<string, { readonly of: string; readonly watcher: FSWatcher }>();
  readonly #regular: NodeJS.Timeout;
  #pause: NodeJS.Timeout | undefined;
  #told: string | undefined;
  #last: string | undefined;

  constructor(path: string, tell: (seen: Seen) => void) {
    this.#path = path;
    this.#tell = tell;
    this.#regular = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#regular.unref();
    this.#look();
  }

  close(): void {
    clearInterval(this.#regular);
    clearTimeout(this.#pause);
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  #lookSoon(): void {
    // Not put off by more changes: there may always be some in a directory that others use too.
    if (this.#pause !== undefined) return;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#look();
    }, PAUSE_MS);
    this.#pause.unref();
  }

  #look(): void {
    const { seen, print, source, unfinished } = look(this.#path);
    if (unfinished === true) {
      // No watch tells that it was closed.
      this.#last = undefined;
      this.#lookSoon();
      return;
    }
    const more = source !== undefined && this.#watchOnly(source.directories);
    if (print !== this.#last || more) {
      this.#last = print;
      this.#lookSoon();
    } else if (print !== this.#told) {
      this.#told = print;
      this.#tell(seen);
    }
  }

  /** Gives whether there are new ones: what happened before is not told by them. */
  #watchOnly(directories: ReadonlyMap<string, string>): boolean {
    let more = false;
    for (const [directory, { of, watcher }] of this.#watched) {
      if (directories.get(directory) === of) continue;
      watcher.close();
      this.#watched.delete(directory);
    }
    for (const [directory, of] of directories) {
      if (this.#watched.has(directory)) continue;
      more = this.#watch(directory, of) || more;
    }
    return more;
  }

  #watch(directory: string, of: string): boolean {
    try {
      const watcher = watch(directory, { persistent: false });
      watcher.on('change', () => this.#lookSoon());
      watcher.on('error', () => watcher.close());
      this.#watched.set(directory, { of, watcher });
      return true;
    } catch {
      // No watches left, or none on this file system: the regular look remains.
      return false;
    }
  }
}
