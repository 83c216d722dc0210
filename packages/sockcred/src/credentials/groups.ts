/**
 * The groups of a peer as one list: primary and supplementary, ascending,
 * without duplicates, complete or not there at all. Pure. Lists are frozen,
 * and peers with the same groups mostly share one, so that a thousand
 * connections of one user hold its groups once.
 */

import { NO_ID } from '../ids.ts';

/** A list made lately, and the answer that it was made from. */
interface Made {
  readonly primary: number;
  readonly hidden: number | undefined;
  readonly supplementary: Uint32Array;
  readonly groups: readonly number[];
}

const MOST_MADE = 16;

/** Each at the place that its answer leads to, until another answer takes it. */
const made: (Made | undefined)[] = Array.from({ length: MOST_MADE });

function madeFrom(entry: Made, list: Uint32Array, count: number, primary: number, hidden?: number): boolean {
  const { supplementary } = entry;
  if (entry.primary !== primary || entry.hidden !== hidden || supplementary.length !== count) return false;
  for (let index = 0; index < count; index++) if (supplementary[index] !== list[index]) return false;
  return true;
}

/** The kernel sorts by its own ids, which a user namespace may have turned round. */
function merged(
  list: Uint32Array,
  count: number,
  primary: number,
  hidden: number | undefined,
): readonly number[] | undefined {
  const groups = new Set([primary]);
  for (let index = 0; index < count; index++) {
    const gid = list[index] ?? NO_ID;
    if (gid === NO_ID || gid === hidden) return undefined;
    groups.add(gid);
  }
  return Object.freeze([...groups].sort((a, b) => a - b));
}

/**
 * The first `count` groups of `list`, which are supplementary, and the primary
 * one; undefined if one of them is `hidden`.
 */
export function completeGroups(
  list: Uint32Array,
  count: number,
  primary: number,
  hidden: number | undefined,
): readonly number[] | undefined {
  const place = (count + primary) % MOST_MADE;
  const before = made[place];
  if (before !== undefined && madeFrom(before, list, count, primary, hidden)) return before.groups;
  const groups = merged(list, count, primary, hidden);
  if (groups !== undefined) made[place] = { primary, hidden, supplementary: list.slice(0, count), groups };
  return groups;
}
