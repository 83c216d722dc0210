/**
 * Unix sockets of our own, one system call at a time: so that a mode can be
 * set before there is a name, and so that abstract names are exactly the bytes
 * meant (Node 20 pads them with NULs to the full length of the address).
 */

import { PeerError } from '../errors.ts';
import { type Addon, addon } from './addon.ts';
import { closeDescriptor } from './descriptor.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

/** A path, or an abstract name without its leading NUL: unix(7). */
export type UnixName =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'abstract'; readonly name: string };

/** A new descriptor, close-on-exec, which the caller owns; or what the system said instead. */
export type NewSocket = { readonly fd: number } | { readonly refused: Outcome };

/** `@name` and `\0name` are abstract; anything else is a path. */
export function unixName(text: string): UnixName {
  if (text.startsWith('@') || text.startsWith('\0')) return { kind: 'abstract', name: text.slice(1) };
  return { kind: 'path', path: text };
}

/** The bytes of a name as `native/sys.h` has them: without the final NUL of a path. */
export function nameBytes(name: UnixName): Uint8Array {
  return Buffer.from(name.kind === 'path' ? name.path : `\0${name.name}`);
}

/** Makes a socket and prepares it with `step`, which gives minus a status; closes it unless that is 0. */
function prepared(make: (native: Addon) => number, step: (native: Addon, fd: number) => number): NewSocket {
  const native = addon();
  const fd = make(native);
  if (fd < 0) {
    const refused = outcomeOf(-fd);
    if (refused.kind !== 'unsupported') return { refused };
    const message = `Unix sockets are not built in for ${process.platform}`;
    throw new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
  }
  let result: number;
  try {
    result = step(native, fd);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  if (result === 0) return { fd };
  closeDescriptor(fd);
  return { refused: outcomeOf(-result) };
}

/**
 * Binds, so that a path's file never has a wider mode than this. Where a socket
 * without a name has no mode (every kernel but Linux), the umask gives it,
 * which is only ever tightened for the one call; worker threads cannot do
 * that, and are refused.
 */
export function boundWithMode(
  native: Pick<Addon, 'setMode'>,
  fd: number,
  name: UnixName,
  mode: number,
  bind: () => number,
): number {
  if (name.kind === 'abstract') return bind();
  const result = native.setMode(fd, mode);
  if (result === 0) return bind();
  if (outcomeOf(-result).kind !== 'unsupported') return result;
  const before = process.umask();
  process.umask(before | (0o777 & ~mode));
  try {
    return bind();
  } finally {
    process.umask(before);
  }
}

/**
 * A socket that listens under this name. For a path, `mode` is set before the
 * name exists; the umask may still take bits away from it. `prepare` comes
 * before that too.
 *
 * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED`, `ERR_PEER_ADDON`
 */
export function listeningSocket(
  name: UnixName,
  mode: number,
  backlog: number,
  prepare?: (fd: number) => void,
  seqpacket = false,
): NewSocket {
  return prepared(
    native => (seqpacket ? native.seqpacketSocket() : native.streamSocket()),
    (native, fd) => {
      prepare?.(fd);
      return boundWithMode(native, fd, name, mode, () => native.bindListen(fd, nameBytes(name), backlog));
    },
  );
}

/**
 * A socket connected to whoever listens under this name: stream, or seqpacket
 * where that is what listens.
 *
 * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED`, `ERR_PEER_ADDON`
 */
export function connectedSocket(name: UnixName): NewSocket {
  const bytes = nameBytes(name);
  const connect = (native: Addon, fd: number) => native.connect(fd, bytes);
  const stream = prepared(native => native.streamSocket(), connect);
  if ('fd' in stream || stream.refused.errno !== 'EPROTOTYPE') return stream;
  return prepared(native => native.seqpacketSocket(), connect);
}
