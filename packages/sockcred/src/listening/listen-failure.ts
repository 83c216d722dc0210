/** What goes wrong at a path that is to be listened at, as errors that name it. */

import { escapeText } from '../credentials/format.ts';
import { PeerError, type PeerErrorCode } from '../errors.ts';

/** An error about a path, which its message shows. */
export function failure(code: PeerErrorCode, path: string, what: string, errno?: string): PeerError {
  const shown = `${escapeText(path)}: ${what}`;
  if (errno === undefined) return new PeerError(code, shown, { scope: 'call', path });
  return new PeerError(code, `${shown} (${errno})`, { scope: 'call', path, errno });
}

/** Turns what `node:fs` throws into an error that names path and errno. */
export function systemFailure(path: string, what: string, error: unknown): PeerError {
  const errno = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return failure('ERR_PEER_SYSTEM', path, what, errno);
}
