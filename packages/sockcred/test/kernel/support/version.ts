/** Which Linux runs, by its own word: what it must answer depends on that alone. */

import { release } from 'node:os';

const [major = 0, minor = 0] = release().split('.').map(Number);

/** Is this Linux of that version or newer? Later stable releases of an older line count as that line. */
export function since(wantedMajor: number, wantedMinor: number): boolean {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** `uname -r`. */
export const version: string = release();
