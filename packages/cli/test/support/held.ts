/** What a process holds, told by the kernel: descriptors and memory. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Held {
  /** All but pipes. */
  readonly descriptors: number;
  /** The relay keeps up to 64 pairs of their ends for whoever comes next. */
  readonly pipes: number;
  readonly kilobytes: number;
}

function isPipe(link: string): boolean {
  try {
    return readlinkSync(link).startsWith('pipe:');
  } catch {
    return false;
  }
}

export function heldBy(pid: number): Held {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const links = readdirSync(`/proc/${pid}/fd`);
  const pipes = links.filter(name => isPipe(`/proc/${pid}/fd/${name}`)).length;
  return {
    descriptors: links.length - pipes,
    pipes,
    kilobytes: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]),
  };
}

/** Of a guard whose memory is looked at: a small heap is collected often, so that what grows is seen, or ends it. */
export const SMALL_HEAP = '--max-old-space-size=64 --max-semi-space-size=1';

/** The least of the later rounds against that of the earlier ones: what grows with each round is more than any round was. */
export function assertFlat(held: readonly Held[]): void {
  const kilobytes = held.map(one => one.kilobytes);
  const half = Math.ceil(kilobytes.length / 2);
  const [early, late] = [kilobytes.slice(0, half), kilobytes.slice(half)].map(part => Math.min(...part));
  assert.ok(
    late !== undefined && early !== undefined && late < early * 1.15,
    `memory grows: ${kilobytes.join(', ')} kB`,
  );
}
