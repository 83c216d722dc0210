/**
 * Who listens behind the guard? Whoever may make names in the directory of its
 * socket can listen there while the server is down, and would be told what
 * clients say, and who they are. So the kernel is asked before a byte is sent, if
 * it was said who it has to be.
 */

import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { escapeText } from 'sockcred';
import { definePolicy, PolicyError } from 'sockcred/authorization';
import { checkServer } from 'sockcred/clients';
import { UsageError } from '../../exit-codes.ts';
import { typedId } from '../../typed-id.ts';

/** Throws unless the right server is at the other end of this connected descriptor. */
export type Verify = (fd: number) => void;

/**
 * The check that `--upstream-user USER` asks for.
 *
 * @throws {@link UsageError} where there is no such user.
 */
export function upstreamCheck(user: string): Verify {
  try {
    const policy = definePolicy({
      rules: [{ effect: 'allow', name: `--upstream-user ${user}`, user: typedId(user) }],
    });
    return fd => checkServer(fd, policy);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new UsageError(`--upstream-user: ${error.faults.map(({ message }) => message).join(', ')}`);
  }
}

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Why somebody else could listen there; undefined if nobody could. */
function openTo({ uid, mode }: Stats, ours: readonly number[], holdsSocket: boolean): string | undefined {
  if (!ours.includes(uid)) return `belongs to uid ${uid}`;
  // Others' names are safe from others in a sticky directory; a name that is not there is anybody's.
  const open = (mode & WRITABLE_BY_OTHERS) !== 0 && (holdsSocket || (mode & STICKY) === 0);
  return open ? 'can be written by others' : undefined;
}

/** Tells in whose hands the path is, if it is not only in root's and our own. */
export function squatters(path: string, euid: number | undefined): string | undefined {
  if (path.startsWith('@')) return `${escapeText(path)}: anybody can listen at an abstract name`;
  if (euid === undefined) return undefined;
  try {
    let at = realpathSync(dirname(resolve(path)));
    for (let holdsSocket = true; ; holdsSocket = false) {
      const why = openTo(lstatSync(at), [0, euid], holdsSocket);
      if (why !== undefined) return `${escapeText(at)} ${why}`;
      if (at === '/') return undefined;
      at = dirname(at);
    }
  } catch {
    // Not there, or closed to us: nothing is known of it, and connecting will tell.
    return undefined;
  }
}
