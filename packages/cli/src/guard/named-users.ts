/** Which users a condition of a policy names. */

import { type ConditionData, systemNames } from 'sockcred/authorization';

const each = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** Does it name any user at all? */
export function namesUsers({ user, sameUser }: ConditionData): boolean {
  return user !== undefined || sameUser === true;
}

/** Does it name this one? `own` is the user that the guard itself is. */
export function namesUser({ user = [], sameUser }: ConditionData, uid: number, own: number): boolean {
  const idOf = (id: number | string) => (typeof id === 'number' ? id : systemNames().user(id));
  return (sameUser === true && uid === own) || each(user).some(id => idOf(id) === uid);
}
