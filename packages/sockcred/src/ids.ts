/** User and group ids, as every kernel here has them: 32 bits, of which the last number is nobody's. */

/** (uid_t)-1 and (gid_t)-1: no id at all, as in setreuid(2). */
export const NO_ID = 0xffffffff;

/** The highest number that can be somebody's. */
export const MOST_ID: number = NO_ID - 1;

/** Whether this number can be somebody's id. */
export function isId(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MOST_ID;
}
