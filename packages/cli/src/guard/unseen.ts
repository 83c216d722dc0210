/**
 * What a guard that is not root does not see: namespaces and applications of
 * other users' processes. Rules that need them let none of those in.
 */

import { type ConditionData, type PolicyData, systemNames } from 'sockcred/authorization';
import { SystemRefusal } from '../exit-codes.ts';

const each = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** Can this hold of nobody of whom only ids are seen? */
function needsMore({ sameNamespaces, application, all = [], any = [] }: ConditionData): boolean {
  if (sameNamespaces !== undefined || application !== undefined || all.some(needsMore)) return true;
  return any.length > 0 && any.every(needsMore);
}

/** Is it about the guard's own user, whose processes it does see? */
function isOfUser({ user = [], sameUser }: ConditionData, uid: number): boolean {
  const idOf = (id: number | string) => (typeof id === 'number' ? id : systemNames().user(id));
  return sameUser === true || each(user).some(id => idOf(id) === uid);
}

/**
 * Refuses rules that would let nobody in.
 *
 * @throws {@link SystemRefusal}
 */
export function requireSomebody({ rules }: PolicyData, uid: number): void {
  const allowing = rules.filter(({ effect }) => effect === 'allow');
  if (allowing.length === 0 || !allowing.every(rule => needsMore(rule) && !isOfUser(rule, uid))) return;
  throw new SystemRefusal(
    `--run-as: nobody would be let in: every allow rule wants namespaces or an application, which only root can tell of
other users' processes, and this guard gives up root`,
  );
}
