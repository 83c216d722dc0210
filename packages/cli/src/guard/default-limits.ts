/** Limits of a guard where neither its options nor its policy say others. */

import { descriptorLimit, type Limits } from 'sockcred/gate';
import type { Target } from './options/target-options.ts';

/** As many as tcpserver(1) starts at the same time. */
const MOST_PROGRAMS = 40;
/** A connection and the one behind it are two descriptors; pipes of those that wait are a quarter of all. */
const DESCRIPTORS_PER_USER = 1 / 3;
/** Where a million descriptors may be had, memory would be what one user takes: also who goes round in circles of guards. */
const MOST_PER_USER = 10_000;

/**
 * Nobody starts programs without end, and no user takes the descriptors of all others. What is passed on takes none.
 */
export function defaultLimits({ kind }: Target): Limits {
  if (kind === 'program') return { connections: MOST_PROGRAMS };
  const descriptors = descriptorLimit();
  if (kind === 'pass' || descriptors === undefined) return {};
  return {
    connectionsPerUid: Math.min(Math.floor((descriptors * DESCRIPTORS_PER_USER) / 2), MOST_PER_USER),
  };
}
