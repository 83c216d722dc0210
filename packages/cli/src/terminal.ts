/** What may be written to a terminal, and what a shell makes of it. */

import type { WriteStream } from 'node:tty';

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
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, character =>
    Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
    }).join(''),
  );
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
