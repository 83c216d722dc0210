/** Values of options: numbers, times and paths, or what is wrong with them. */

import { escapeText } from 'sockcred';
import { UsageError } from '../../exit-codes.ts';

/** @throws {@link UsageError} */
export function refuse(message: string): never {
  throw new UsageError(message);
}

/** Of what there has to be some: none at all would be said by not starting. */
export function wholeNumber(option: string, text: string): number {
  if (/^0+$/.test(text)) return refuse(`${option}: 0 would let nobody in; without it there is no such limit`);
  if (/^[0-9]{1,10}$/.test(text)) return Number(text);
  return refuse(`${option}: '${escapeText(text)}' is not a whole number`);
}

/** Seconds, also parts of one, as milliseconds; no more than a timer can wait, which would end it at once. */
export function milliseconds(option: string, text: string): number {
  if (!/^[0-9]{1,7}(\.[0-9]{1,3})?$/.test(text)) {
    return refuse(`${option}: '${escapeText(text)}' is not a number of seconds`);
  }
  const most = 0x7fffffff;
  const wanted = Math.round(Number(text) * 1000);
  return wanted <= most ? wanted : refuse(`${option}: ${text} is more than ${most / 1000} seconds`);
}

/** A path, or an abstract name, if it was given. */
export function pathOf(option: string, text: string | undefined): string | undefined {
  if (text === '' || text === '@') refuse(`${option}: the path is empty`);
  return text;
}
