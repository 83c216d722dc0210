/** A guard in front of itself would connect to itself without end: refused at its start, and terms.ts refuses what comes later. */

import { statSync } from 'node:fs';
import type { Upstream } from 'sockcred/relay';
import { UsageError } from '../exit-codes.ts';
import { upstreamText } from './options/upstream-text.ts';

/** The same socket file, through whatever links. */
function isSameFile(one: string, other: string): boolean {
  const [first, second] = [one, other].map(path => statSync(path, { throwIfNoEntry: false }));
  return first !== undefined && first.dev === second?.dev && first.ino === second.ino;
}

/**
 * Says no where what is listened at is what is behind.
 *
 * @throws {@link UsageError}
 */
export function refuseOwnAddress(listening: string, to: Upstream): void {
  if (!('path' in to)) return;
  const isAbstract = listening.startsWith('@') || to.path.startsWith('@');
  if (isAbstract ? listening !== to.path : !isSameFile(listening, to.path)) return;
  throw new UsageError(`--to ${upstreamText(to)}: this guard itself listens there`);
}
