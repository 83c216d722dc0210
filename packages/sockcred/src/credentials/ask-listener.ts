/**
 * The main question put to a name instead of a socket: who listens there?
 * Asking means connecting, which the listener sees and which may start a
 * service.
 */

import { PeerError, PeerTypeError } from '../errors.ts';
import { closeDescriptor } from '../sys/owned-fd.ts';
import { connectedSocket, unixName } from '../sys/unix-socket.ts';
import { peerCredentials } from './ask.ts';
import { escapeText } from './format.ts';
import type { PeerCredentials } from './peer-credentials.ts';

/**
 * Connects to a Unix stream or seqpacket socket, asks who listens there, and
 * disconnects. `@name` and `\0name` are abstract names.
 *
 * @remarks
 * Trust: the kernel. It names whoever last called listen(2): under socket
 * activation the service manager, not the program that answers. That process
 * may be gone by now.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM` with `path` and `errno`:
 * `ECONNREFUSED` if nobody listens, `EPROTOTYPE` for a datagram socket;
 * and what {@link peerCredentials} throws.
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 *
 * @example
 * ```ts
 * import { formatPeer, listenerCredentials, PeerError } from 'sockcred';
 *
 * try {
 *   console.log(formatPeer(listenerCredentials('/run/dbus/system_bus_socket')));
 * } catch (error) {
 *   if (!(error instanceof PeerError)) throw error;
 *   console.log(error.path, error.errno);
 * }
 * ```
 *
 * @see https://man7.org/linux/man-pages/man2/connect.2.html
 */
export function listenerCredentials(path: string): PeerCredentials {
  if (typeof path !== 'string' || path === '' || path.indexOf('\0', 1) !== -1) {
    throw new PeerTypeError('ERR_ARGUMENT', 'path must be a path, or @name or \\0name for an abstract name');
  }
  const socket = connectedSocket(unixName(path));
  if ('refused' in socket) {
    const errno = socket.refused.errno ?? socket.refused.kind;
    const message = `${escapeText(path)}: cannot connect: ${errno}`;
    throw new PeerError('ERR_PEER_SYSTEM', message, { scope: 'call', path, errno });
  }
  try {
    return peerCredentials(socket.fd, { side: 'connected' });
  } finally {
    closeDescriptor(socket.fd);
  }
}
