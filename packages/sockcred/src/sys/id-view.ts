/**
 * Which ids of other processes can be told from here. In a user namespace the
 * kernel shows every id without a mapping as the overflow id (usually 65534),
 * so that a stranger looks like `nobody`: user_namespaces(7). The overflow id
 * is a fact only where every id has a mapping. Linux; elsewhere nothing is hidden.
 */

import { fs } from './builtin-modules.ts';

/** The ids that may stand for somebody unseen; undefined where there are none. */
export interface IdView {
  readonly overflowUid: number | undefined;
  readonly overflowGid: number | undefined;
}

const FULL: IdView = Object.freeze({ overflowUid: undefined, overflowGid: undefined });

/** The kernel's default for /proc/sys/kernel/overflowuid and overflowgid. */
const DEFAULT_OVERFLOW_ID = 65534;

/** f_type of procfs: statfs(2). */
const PROC_SUPER_MAGIC = 0x9fa0;

let full = false;

/**
 * Does this text of /proc/PID/uid_map or gid_map map every id to itself? The
 * kernel lets only a namespace whose parent has all ids say so.
 */
export function mapsEveryId(map: string): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(map);
}

function read(path: string): string | undefined {
  try {
    return fs().readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** A kernel without user namespaces has a real /proc and no map in it. */
function withoutUserNamespaces(): boolean {
  try {
    return (
      fs().statfsSync('/proc').type === PROC_SUPER_MAGIC &&
      fs().existsSync('/proc/self/ns') &&
      !fs().existsSync('/proc/self/ns/user')
    );
  } catch {
    return false;
  }
}

function seesEveryId(): boolean {
  if (process.platform !== 'linux') return true;
  const uids = read('/proc/self/uid_map');
  const gids = read('/proc/self/gid_map');
  if (uids === undefined && gids === undefined) return withoutUserNamespaces();
  return uids !== undefined && gids !== undefined && mapsEveryId(uids) && mapsEveryId(gids);
}

function overflowId(path: string): number {
  const text = read(path);
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : DEFAULT_OVERFLOW_ID;
}

/** What the kernel gives for ids that it did not record, whatever our own maps are. */
export function unrecordedIds(): { readonly uid: number; readonly gid: number } {
  return {
    uid: overflowId('/proc/sys/kernel/overflowuid'),
    gid: overflowId('/proc/sys/kernel/overflowgid'),
  };
}

/**
 * The view of this process. A full view stays full and is kept; a partial one
 * is read again each time, since maps are written and the overflow ids are set
 * while processes run.
 */
export function idView(): IdView {
  if (full) return FULL;
  full = seesEveryId();
  if (full) return FULL;
  return {
    overflowUid: overflowId('/proc/sys/kernel/overflowuid'),
    overflowGid: overflowId('/proc/sys/kernel/overflowgid'),
  };
}
