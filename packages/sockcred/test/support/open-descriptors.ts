/** What this process has open, as /proc tells it. */

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

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

/** What is in the file behind a descriptor; Deno's node:fs reads those only that it opened itself. */
export function textBehind(fd: number): string {
  return readFileSync(`/proc/self/fd/${fd}`, 'utf8');
}

/** The inode of the file or socket behind a descriptor. */
export function inodeBehind(fd: number): number {
  return statSync(`/proc/self/fd/${fd}`).ino;
}
