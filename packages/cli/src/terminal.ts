/** What may be written to a terminal, and what a shell makes of it. */

import type { WriteStream } from 'node:tty';
import { escapeText } from 'sockcred';

/** Colour only on a terminal, and not against the user's wish: https://no-color.org */
export function wantsColor(stream: NodeJS.WriteStream | WriteStream, env: NodeJS.ProcessEnv): boolean {
  const { NO_COLOR, TERM } = env;
  return stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
}

/** A value as one line of JSON without a character that a terminal would obey; it parses to the same value. */
export function jsonLine(value: unknown): string {
  return harmlessJson(JSON.stringify(value));
}

/** The same for a line of JSON that somebody else has written. */
export function harmlessJson(json: string): string {
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, character =>
    Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
    }).join(''),
  );
}

/** Blocks of letters that are written from right to left, and would carry what is around them along. */
const RIGHT_TO_LEFT =
  /[\u{590}-\u{8ff}\u{fb1d}-\u{fdff}\u{fe70}-\u{feff}\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/gu;
/** Blanks other than the space, and what looks like one. */
const BLANKS = /(?! )[\p{Zs}\u{2800}]/gu;

/**
 * Text from elsewhere as one field of a line: as it is where it has nothing but
 * printable characters of ASCII, else in quotes, so that it never looks like
 * more fields than one. Nothing else on such a line begins with a quote.
 */
export function field(text: string): string {
  if (/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text) && !/^[-?(]/.test(text)) return text;
  const escaped = escapeText(text)
    .replaceAll('"', '\\"')
    .replace(RIGHT_TO_LEFT, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)
    .replace(BLANKS, character => `\\u{${character.codePointAt(0)?.toString(16)}}`);
  return `"${escaped}"`;
}

/** One word for a POSIX shell; control characters as `$'…'` escapes. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  if (!/\p{Cc}/u.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  const escaped = text.replace(/[\p{Cc}'\\]/gu, character => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x80 && !"'\\".includes(character)
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : code < 0x80
        ? `\\${character}`
        : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `$'${escaped}'`;
}
