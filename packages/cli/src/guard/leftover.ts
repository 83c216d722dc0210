/**
 * What a guard leaves behind at its end: the file of its socket, where whom it has become may not remove it. Nobody
 * listens there any more; the next guard finds that out and replaces it.
 */

import { lstatSync } from 'node:fs';
import { escapeText } from 'sockcred';

function fileAt(path: string): string | undefined {
  const found = path.startsWith('@') ? undefined : lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev} ${found.ino} ${found.birthtimeNs}`;
}

/** Looks at the file now; what is given back tells later, as a line, that this very file is still there. */
export function leftover(path: string): () => string | undefined {
  const before = fileAt(path);
  return () => {
    try {
      if (before === undefined || fileAt(path) !== before) return undefined;
    } catch {
      // Not even to be looked at any more: nothing is known of it.
      return undefined;
    }
    const own = process.geteuid?.();
    return `${escapeText(path)} stays: uid ${own} may not remove it; the next guard replaces it`;
  };
}
