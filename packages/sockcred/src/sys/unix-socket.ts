/**
 * A Unix stream socket of our own, one system call at a time, so that its mode
 * can be set before it has a name. What Node's `server.listen(path)` does in
 * one go leaves the mode to the process-wide umask.
 */

import { closeSync, fchmodSync } from 'node:fs';
import { PeerError } from '../errors.ts';
import { addon } from './addon.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

/** A path, or an abstract name without its leading NUL: unix(7). */
export type UnixName =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'abstract'; readonly name: string };

/** `@name` and `\0name` are abstract; anything else is a path. */
export function unixName(text: string): UnixName {
  if (text.startsWith('@') || text.startsWith('\0')) return { kind: 'abstract', name: text.slice(1) };
  return { kind: 'path', path: text };
}

function bytesOf(name: UnixName): Uint8Array {
  return new TextEncoder().encode(name.kind === 'path' ? name.path : `\0${name.name}`);
}

/**
 * A new listening socket under this name: the descriptor, close-on-exec, which
 * the caller owns, or the outcome of bind(2) or listen(2). For a path `mode`
 * is set before the name exists; the umask may still take bits away from it.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM`, `ERR_PEER_UNSUPPORTED` if there
 * is no socket to begin with.
 */
export function listeningSocket(
  name: UnixName,
  mode: number,
  backlog: number,
): { fd: number } | { refused: Outcome } {
  const native = addon();
  const fd = native.streamSocket();
  if (fd < 0) {
    const outcome = outcomeOf(-fd);
    if (outcome.kind === 'unsupported') {
      throw new PeerError('ERR_PEER_UNSUPPORTED', `Unix sockets are not built in for ${process.platform}`, {
        scope: 'daemon',
      });
    }
    const errno = outcome.errno ?? outcome.kind;
    throw new PeerError('ERR_PEER_SYSTEM', `no socket: ${errno}`, { scope: 'call', errno });
  }
  let status: number;
  try {
    if (name.kind === 'path') fchmodSync(fd, mode);
    status = -native.bindListen(fd, bytesOf(name), backlog);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  if (status === 0) return { fd };
  closeSync(fd);
  return { refused: outcomeOf(status) };
}
