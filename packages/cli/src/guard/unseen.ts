/**
 * What a guard that is not root does not see: namespaces and applications of
 * other users' processes. Rules that need them let none of those in.
 */

import type { ConditionData, PolicyData } from 'sockcred/authorization';
import { SystemRefusal } from '../exit-codes.ts';
import { namesUser } from './named-users.ts';

/** Can this hold of nobody of whom only ids are seen? */
function needsMore({ sameNamespaces, application, all = [], any = [] }: ConditionData): boolean {
  if (sameNamespaces !== undefined || application !== undefined || all.some(needsMore)) return true;
  return any.length > 0 && any.every(needsMore);
}

/**
 * Refuses rules that would let nobody in; the processes of the guard's own user it does see.
 *
 * @throws {@link SystemRefusal}
 */
export function requireSomebody({ rules }: PolicyData, uid: number): void {
  const allowing = rules.filter(({ effect }) => effect === 'allow');
  if (allowing.length === 0 || !allowing.every(rule => needsMore(rule) && !namesUser(rule, uid, uid))) return;
  throw new SystemRefusal(
    `--run-as: nobody would be let in: every allow rule wants namespaces or an application, which only root can tell of
other users' processes, and this guard gives up root`,
  );
}
