/**
 * Giving up root for good: `--run-as USER[:GROUP]`. Names come from passwd(5)
 * and group(5). What has been opened before stays open; whatever is opened from then on is
 * opened as that user, and is so from the beginning, lest a reload find otherwise.
 */

import { escapeText } from 'sockcred';
import { systemNames } from 'sockcred/authorization';
import { SystemRefusal, UsageError } from '../exit-codes.ts';
import { idOf } from '../typed-id.ts';
import { userInFiles } from '../user-in-files.ts';

/** Whom to become. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
  /** Whose supplementary groups to take; none where a group was named. */
  readonly groupsOf: string | undefined;
}

function refuse(text: string, what: string): never {
  throw new UsageError(`--run-as: '${escapeText(text)}' ${what}`);
}

/** @throws {@link UsageError} */
export function readRunAs(text: string): RunAs {
  const [, user, group] = /^([^:]+)(?::([^:]+))?$/.exec(text) ?? [];
  if (user === undefined) return refuse(text, 'is not USER or USER:GROUP');
  const names = systemNames();
  const uid = idOf(user, name => names.user(name)) ?? refuse(text, 'names no user of this machine');
  if (uid === 0) refuse(text, 'is root; --upstream-sees-guard or --programs-as-root says that this is meant');
  if (group !== undefined) {
    const gid = idOf(group, name => names.group(name)) ?? refuse(text, 'names no group of this machine');
    return { uid, gid, groupsOf: undefined };
  }
  if (/^[0-9]+$/.test(user)) refuse(text, 'is a number, which has no group of its own: USER:GROUP');
  return { uid, gid: userInFiles('--run-as', user).gid, groupsOf: user };
}

/** Node has it, its types do not. */
type WithInitgroups = typeof process & { initgroups?(user: string, extraGroup: number): void };

/** Where a runtime lacks a call, that is a refusal: root's own groups would stay. */
function takeGroups({ groupsOf, gid }: RunAs): void {
  const { setgroups, initgroups } = process as WithInitgroups;
  if (groupsOf === undefined && setgroups !== undefined) setgroups([gid]);
  else if (groupsOf !== undefined && initgroups !== undefined) initgroups(groupsOf, gid);
  else throw new SystemRefusal('--run-as: this runtime cannot change its groups (ENOSYS)');
}

/** Is there no way back? Asked of the kernel, whatever the calls before have said. */
function isThatUser({ uid, gid }: RunAs): boolean {
  const ids = [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()];
  if (ids.join() !== [uid, uid, gid, gid].join()) return false;
  try {
    process.setuid?.(0);
  } catch {
    return true;
  }
  return false;
}

/**
 * Becomes that user, with all threads.
 *
 * @throws {@link SystemRefusal}
 */
export function becomeUser(who: RunAs): void {
  try {
    takeGroups(who);
    process.setgid?.(who.gid);
    process.setuid?.(who.uid);
  } catch (error) {
    if (error instanceof SystemRefusal) throw error;
    const errno = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new SystemRefusal(`--run-as: user ${who.uid}, group ${who.gid}: refused (${errno}); it needs root`);
  }
  if (isThatUser(who)) return;
  throw new SystemRefusal(`--run-as: this process is not user ${who.uid}, group ${who.gid} for good`);
}
