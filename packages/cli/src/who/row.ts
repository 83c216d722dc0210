/**
 * One line of a picture: name, value, note, with two spaces between. What a
 * peer shapes stands in quotes as soon as it holds more than plain characters,
 * so that a value cannot look like the end of one and a note behind it.
 */

import { escapeText } from 'sockcred';
import type { Fact } from 'sockcred/process';
import type { Untold } from './picture.ts';

/** `value` is text that may be printed as it is; the note is escaped when it is printed. */
export interface Row {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

const MOST_CHARACTERS = 200;

/** Text that somebody else has chosen, as one word. */
export function quoted(text: string): string {
  const shown = text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}...`;
  return /^[!#-~]+$/.test(shown) ? escapeText(shown) : `"${escapeText(shown).replaceAll('"', '\\"')}"`;
}

/** Long lists end early. */
function cut(text: string): string {
  return text.length <= 4 * MOST_CHARACTERS ? text : `${text.slice(0, 4 * MOST_CHARACTERS)}...`;
}

/** A fact with its grades, or the reason why there is none. */
export function factRow<T>(name: string, given: Fact<T>, show: (value: T) => string): Row {
  if (!given.known) return { name, value: 'unknown', note: `${given.reason}: ${given.detail}` };
  const own = given.authority === 'self' ? ', its own word' : '';
  return { name, value: cut(show(given.value)), note: `${given.source}, now, ${given.binding}${own}` };
}

export const untoldRow = (name: string, { message }: Untold): Row => ({
  name,
  value: 'unknown',
  note: message,
});
