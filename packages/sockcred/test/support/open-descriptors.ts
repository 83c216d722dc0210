/** What this process has open, as /proc tells it. */

import { readdirSync, readlinkSync } from 'node:fs';

/** How many descriptors are open, without the one that counts them. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length - 1;
}

/** How many descriptors of one file are open. */
export function descriptorsOf(path: string): number {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;
}
