/**
 * The address space of a process, held without keeping it alive: exec gives a
 * process another one, also where it runs the same file again. procfs keeps
 * an open `pagemap` with the address space that the process had when it was opened, and
 * reads nothing of it once no process uses it: `pagemap_read()` of the kernel, Linux 4.2.
 *
 * Who opens it needs the right to trace the process. Addresses would tell less: they
 * are equal where they are not randomized, and prctl(2), PR_SET_MM, changes
 * what is told of them.
 */

import { fs } from './builtin-modules.ts';
import { below, closeOpened } from './process-directory.ts';

/** An address space. */
export interface AddressSpace {
  /** Does any process use it? Not the one that had it, it may be, if another one shared its memory: clone(2), CLONE_VM. */
  inUse(): boolean;
  close(): void;
}

/** One entry, of the page at address 0. */
const ENTRY_BYTES = 8;

/** The one that the process of an open directory has now; undefined if that cannot be told. */
export function addressSpace(directory: number): AddressSpace | undefined {
  let fd: number;
  try {
    fd = fs().openSync(below(directory, 'pagemap'), 'r');
  } catch {
    return undefined;
  }
  return {
    inUse: () => fs().readSync(fd, new Uint8Array(ENTRY_BYTES), 0, ENTRY_BYTES, 0) > 0,
    close: () => closeOpened(fd),
  };
}
