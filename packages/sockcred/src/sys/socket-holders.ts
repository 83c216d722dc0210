/**
 * Which processes have a socket open, by looking through the descriptors of
 * all that may be looked into: proc(5). Each is as of the moment it was looked
 * at; a process may have closed, passed on or inherited it since, and another
 * one may have got its number.
 */

import { fs } from './builtin-modules.ts';
import { ownNamespace } from './namespaces.ts';

/** A descriptor that is a socket. */
export interface Holder {
  /**
   * The number of the process on this procfs, as of the moment it was looked
   * at. It may mean another process by now; where procfs is that of another
   * pid namespace, it is no number of ours at all.
   */
  readonly pid: number;
  readonly fd: number;
  /** The thread whose descriptor it is, where the first thread of the process has ended. */
  readonly thread?: number;
}

/** Who holds which socket, by inode. */
export interface Holders {
  readonly byInode: ReadonlyMap<number, readonly Holder[]>;
  /** Processes whose descriptors could not be seen. */
  readonly unseen: number;
  /** Processes that are known to be in other network namespaces than ours. */
  readonly otherNetworks: number;
  /** procfs may not show every process to us, by hidepid= in proc(5); or there is none. */
  readonly hidden: boolean;
}

type Descriptors = readonly string[] | 'gone' | 'unseen';

function names(directory: string): Descriptors {
  try {
    return fs().readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM' ? 'unseen' : 'gone';
  }
}

/** The inode in `socket:[123]`; undefined for anything else. */
export function inodeOfSocket(link: string): number | undefined {
  const [, inode] = /^socket:\[(\d{1,15})\]$/.exec(link) ?? [];
  return inode === undefined ? undefined : Number(inode);
}

function linkOf(path: string): string {
  try {
    return fs().readlinkSync(path);
  } catch {
    return '';
  }
}

/** The threads of a process beside its first one. */
function otherThreads(pid: string): readonly string[] {
  const threads = names(`/proc/${pid}/task`);
  return typeof threads === 'string' ? [] : threads.filter(thread => thread !== pid);
}

/** Is procfs mounted so that processes of others are not in it at all? `0` and `1` show them. */
export function hidesProcesses(mountinfo: string): boolean {
  // Of several mounts at one place the last is on top.
  const mounted =
    mountinfo
      .split('\n')
      .filter(line => /^\d+ \d+ \S+ \S+ \/proc /.test(line))
      .at(-1) ?? '';
  return /[ ,]hidepid=(?:2|4|invisible|ptraceable)(?:,|$)/.test(mounted);
}

function mayHide(): boolean {
  try {
    if (!hidesProcesses(fs().readFileSync('/proc/self/mountinfo', 'latin1'))) return false;
  } catch {
    return false;
  }
  // The first process of a pid namespace is in every procfs of it, unless it is hidden.
  return process.geteuid?.() !== 0 || linkOf('/proc/1/cwd') === '';
}

/** Looks through every process. */
export function socketHolders(): Holders {
  const byInode = new Map<number, Holder[]>();
  const network = ownNamespace('net');
  let unseen = 0;
  let otherNetworks = 0;

  function note(directory: string, fds: readonly string[], holder: Omit<Holder, 'fd'>): void {
    for (const fd of fds) {
      const inode = inodeOfSocket(linkOf(`${directory}/${fd}`));
      if (inode === undefined) continue;
      const found = { ...holder, fd: Number(fd) };
      const holders = byInode.get(inode);
      if (holders === undefined) byInode.set(inode, [found]);
      else holders.push(found);
    }
  }

  /** Where the first thread has ended its descriptors are gone, while the others keep them. */
  function lookAtThreads(pid: string, first: Descriptors): boolean {
    let seen = first !== 'unseen';
    for (const thread of otherThreads(pid)) {
      const directory = `/proc/${pid}/task/${thread}/fd`;
      const fds = names(directory);
      if (fds === 'unseen') return false;
      if (fds === 'gone') continue;
      seen = true;
      note(directory, fds, { pid: Number(pid), thread: Number(thread) });
      // Threads share their descriptors, but for those that have taken leave: unshare(2), CLONE_FILES.
      if (fds.length > 0) break;
    }
    return seen;
  }

  const found = names('/proc');
  const pids = typeof found === 'string' ? [] : found.filter(name => /^\d+$/.test(name));
  // We are one ourselves.
  if (pids.length === 0) return { byInode, unseen, otherNetworks, hidden: true };
  for (const pid of pids) {
    const link = linkOf(`/proc/${pid}/ns/net`);
    if (network !== undefined && link !== '' && link !== network) otherNetworks++;
    const fds = names(`/proc/${pid}/fd`);
    if (typeof fds !== 'string' && fds.length > 0) note(`/proc/${pid}/fd`, fds, { pid: Number(pid) });
    else if (!lookAtThreads(pid, fds)) unseen++;
  }
  return { byInode, unseen, otherNetworks, hidden: mayHide() };
}
