/** Whose labels this kernel gives, where their form does not tell. */

import { FROM_THE_ROOT, readRecord } from './kernel-record.ts';

let active: boolean | undefined;

/** Does Smack label processes? Built in and not in use, its file cannot be read: EINVAL. Asked once. */
export function smackIsActive(): boolean {
  if (active === undefined) {
    try {
      active = readRecord(FROM_THE_ROOT, '/proc/self/attr/smack/current', 4096).length > 0;
    } catch {
      active = false;
    }
  }
  return active;
}
