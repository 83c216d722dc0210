/**
 * Which processes have a socket open, by looking through the descriptors of
 * all that may be looked into: proc(5). Each is as of the moment it was looked
 * at; a process may have closed, passed on or inherited it since.
 */

import { fs } from './builtin-modules.ts';

/** A descriptor that is a socket. */
export interface Holder {
  readonly pid: number;
  readonly fd: number;
}

/** Who holds which socket, by inode. */
export interface Holders {
  readonly byInode: ReadonlyMap<number, readonly Holder[]>;
  /** Processes whose descriptors could not be seen. */
  readonly unseen: number;
}

function descriptors(pid: string): readonly string[] | 'gone' | 'unseen' {
  try {
    return fs().readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM' ? 'unseen' : 'gone';
  }
}

/** The inode in `socket:[123]`; undefined for anything else. */
function socketInode(pid: string, fd: string): number | undefined {
  try {
    const [, inode] = /^socket:\[(\d{1,15})\]$/.exec(fs().readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [];
    return inode === undefined ? undefined : Number(inode);
  } catch {
    return undefined;
  }
}

/** Looks through every process. */
export function socketHolders(): Holders {
  const byInode = new Map<number, Holder[]>();
  let unseen = 0;
  for (const pid of fs().readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const found = descriptors(pid);
    if (found === 'unseen') unseen++;
    if (typeof found === 'string') continue;
    for (const fd of found) {
      const inode = socketInode(pid, fd);
      if (inode === undefined) continue;
      const holders = byInode.get(inode);
      const holder = { pid: Number(pid), fd: Number(fd) };
      if (holders === undefined) byInode.set(inode, [holder]);
      else holders.push(holder);
    }
  }
  return { byInode, unseen };
}
