/**
 * Who may connect to a socket file: its mode, and its group. The group is given
 * to the file by its name, once it is there; until then nobody but the owner can connect. Nothing is
 * changed by name where somebody else could have put another file in its place.
 */

import type { Stats } from 'node:fs';
import { fs, paths } from '../sys/builtin-modules.ts';
import { failure, systemFailure } from './listen-failure.ts';

/** What a socket file is to have. */
export interface Permissions {
  readonly mode: number;
  readonly group?: number | undefined;
}

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
const MOST_LINKS = 40;

/** The mode that the file is made with. While its group is not the one that is meant, no group may do anything. */
export function firstMode({ mode, group }: Permissions): number {
  return group === undefined ? mode : mode & 0o700;
}

/** Root's or ours; and what is in a directory is so too, or cannot be moved by those whose it is. */
function isSafe({ uid, mode }: Stats): boolean {
  const isOurs = uid === 0 || uid === process.geteuid?.();
  return isOurs && ((mode & WRITABLE_BY_OTHERS) === 0 || (mode & STICKY) !== 0);
}

/**
 * Can nobody but root and us have a part in where a path leads? Directories are looked at one by one, also those of
 * links, as path_resolution(7) walks them.
 */
function leadsSafely(path: string): boolean {
  const { join, dirname } = paths();
  const rest = path.split('/');
  let at = '/';
  let links = 0;
  if (!isSafe(fs().lstatSync(at))) return false;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    const next = name === '..' ? dirname(at) : join(at, name);
    const found = fs().lstatSync(next);
    if (found.isSymbolicLink()) {
      if (found.uid !== 0 && found.uid !== process.geteuid?.()) return false;
      if (++links > MOST_LINKS) return false;
      const target = fs().readlinkSync(next);
      if (target.startsWith('/')) at = '/';
      rest.unshift(...target.split('/'));
    } else if (isSafe(found)) at = next;
    else return false;
  }
  return true;
}

/** By the directory alone: of a mode that the umask cut. */
function canExchange(path: string): boolean {
  const directory = fs().statSync(paths().dirname(path));
  return !isSafe(directory);
}

function giveGroup(path: string, group: number): void {
  const { dirname } = paths();
  if (!leadsSafely(dirname(path))) {
    const what =
      'other users can exchange files or directories on the way, so the socket cannot safely be given to a group';
    throw failure('ERR_LISTEN_DIRECTORY', path, what);
  }
  try {
    if (fs().lstatSync(path).gid !== group) fs().lchownSync(path, -1, group);
  } catch (error) {
    throw systemFailure(path, `the socket cannot be given to group ${group}`, error);
  }
}

/**
 * Gives the file its group, and the permissions that it was not made with, or that the umask took away.
 *
 * @throws {@link PeerError} `ERR_LISTEN_DIRECTORY`, `ERR_PEER_SYSTEM`
 */
export function completePermissions(path: string, { mode, group }: Permissions): void {
  if (group !== undefined) giveGroup(path, group);
  const bound = fs().lstatSync(path, { throwIfNoEntry: false });
  if (bound === undefined || (bound.mode & mode) === mode) return;
  if (canExchange(path)) {
    const what =
      'other users can exchange files in this directory, so the mode cannot be set safely after the umask was applied';
    throw failure('ERR_LISTEN_DIRECTORY', path, what);
  }
  fs().chmodSync(path, mode);
}
