/** Users and groups as they are typed. */

import { escapeText } from 'sockcred';
import { systemNames } from 'sockcred/authorization';
import { UsageError } from './exit-codes.ts';

/** 4294967295 is nobody's: chown(2). */
const MOST_ID = 0xfffffffe;

/** A name, or an id in digits: no user's name is one, useradd(8). */
export function typedId(text: string): number | string {
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : text;
}

/** The id that a word means, or undefined where it means none. */
export function idOf(word: string, lookUp: (name: string) => number | undefined): number | undefined {
  if (/^[0-9]{1,10}$/.test(word) && Number(word) <= MOST_ID) return Number(word);
  return lookUp(word);
}

/** @throws {@link UsageError} where there is no such group. */
export function groupIdOf(option: string, text: string): number {
  const id = idOf(text, name => systemNames().group(name));
  if (id !== undefined) return id;
  throw new UsageError(`${option}: '${escapeText(text)}' names no group of this machine`);
}
