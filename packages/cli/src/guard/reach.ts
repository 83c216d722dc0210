/**
 * Whom do the permissions of the guard's socket let ask? A rule lets in nobody
 * who does not get there. Told only of a socket that one user alone can reach,
 * which is certain: members of a group may be anybody's processes.
 */

import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { escapeText } from 'sockcred';
import type { ConditionData, PolicyData } from 'sockcred/authorization';
import { octal } from '../socket-mode.ts';
import { namesUser, namesUsers } from './named-users.ts';

/** A socket that no user but these can connect to; root can wherever permissions are asked. */
export interface Reach {
  readonly path: string;
  readonly uids: readonly number[];
  /** What keeps all others out, and its mode. */
  readonly at: string;
}

/** Of a socket to connect, of a directory to go through it: unix(7), path_resolution(7). */
const WRITE = 2;
const SEARCH = 1;

/** The one user who may do this, 0 for nobody but root; undefined where others may too. */
function onlyUser({ uid, mode }: Stats, permission: number): number | undefined {
  if ((mode & (permission | (permission << 3))) !== 0) return undefined;
  return (mode & (permission << 6)) === 0 ? 0 : uid;
}

/** Undefined where more than one user may get there, or where nothing is known of it. */
export function reachOf(path: string): Reach | undefined {
  // Elsewhere than on Linux not every kernel asks for permissions: unix(7).
  if (process.platform !== 'linux' || path.startsWith('@')) return undefined;
  try {
    const ways: (readonly [at: string, permission: number])[] = [[path, WRITE]];
    for (let at = realpathSync(dirname(path)); at !== '/'; at = dirname(at)) ways.push([at, SEARCH]);
    const closed = ways.flatMap(([at, permission]) => {
      const stats = lstatSync(at);
      const only = onlyUser(stats, permission);
      return only === undefined
        ? []
        : [{ only, at: `mode ${octal(stats.mode & 0o777)} of ${escapeText(at)}` }];
    });
    const [first] = closed;
    if (first === undefined) return undefined;
    const one = closed.every(({ only }) => only === first.only) ? first.only : 0;
    return { path, uids: one === 0 ? [0] : [0, one], at: first.at };
  } catch {
    return undefined;
  }
}

/** Can it hold of none of these users, or only if they happen to be in a group? */
function isAboutOthers(condition: ConditionData, uids: readonly number[], own: number): boolean {
  const { group, primaryGroup, all = [], any = [] } = condition;
  if (all.some(one => isAboutOthers(one, uids, own))) return true;
  if (any.length > 0 && any.every(one => isAboutOthers(one, uids, own))) return true;
  if (namesUsers(condition)) return !uids.some(uid => namesUser(condition, uid, own));
  return group !== undefined || primaryGroup !== undefined;
}

/** A line about a policy that lets in others than those who get to the socket; undefined if there is nothing to say. */
export function unreachable(
  { rules }: PolicyData,
  { path, uids, at }: Reach,
  own: number,
): string | undefined {
  const allowing = rules.filter(({ effect }) => effect === 'allow');
  if (!allowing.every(rule => isAboutOthers(rule, uids, own))) return undefined;
  const who = uids.map(uid => (uid === 0 ? 'root' : `uid ${uid}`)).join(' and ');
  return `only ${who} can reach ${escapeText(path)} (${at}), and nobody else whom the policy allows gets there: --mode, --socket-group`;
}
