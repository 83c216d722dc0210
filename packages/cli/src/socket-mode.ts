/** Permissions of a socket file, as they are typed and shown. */

import { escapeText } from 'sockcred';
import { UsageError } from './exit-codes.ts';

/** The mode that an option names, in octal. */
export function modeOf(option: string, text: string): number {
  if (/^0?[0-7]{1,3}$/.test(text)) return Number.parseInt(text, 8);
  throw new UsageError(`${option}: '${escapeText(text)}' is not an octal mode such as 0600`);
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
