/**
 * Sends what a runtime's own sockets cannot: credentials that are named, and
 * file descriptors. They go with at least one byte, which the receiver reads.
 */

import type { Socket } from 'node:net';
import { PeerError, PeerTypeError } from '../errors.ts';
import { MOST_ID } from '../ids.ts';
import { type ClaimedIds, send } from '../sys/message-socket.ts';
import { descriptorOf, handleOf, socketOf } from '../sys/socket-handle.ts';
import { sendError } from './refusals.ts';

/** A `net.Socket`, or the descriptor of a connected Unix socket. */
export type SendTarget = Socket | number;

const ONE_NUL = new Uint8Array(1);

/** What waits in the runtime would come after what is sent here, though it was written before. */
function descriptorFor(target: SendTarget): number {
  if (typeof target === 'number') {
    if (Number.isInteger(target) && target >= 0 && target <= 0x7fffffff) return target;
    throw new PeerTypeError('ERR_SOURCE_TYPE', 'a file descriptor must be a 32-bit integer, not negative');
  }
  const socket = socketOf(target);
  const handle = handleOf(socket);
  if (handle === undefined) {
    throw new PeerError('ERR_PEER_CLOSED', 'the socket is closed, or not connected yet', {
      scope: 'connection',
    });
  }
  if (socket.writableLength > 0) {
    const message = 'what was written to the socket before has not been sent yet';
    throw new PeerError('ERR_SEND_FULL', message, { scope: 'call' });
  }
  return descriptorOf(socket, handle);
}

function checkBytes(bytes: Uint8Array): void {
  if (bytes.length > 0) return;
  throw new PeerTypeError('ERR_ARGUMENT', 'on a stream nothing goes along without a byte');
}

function checkId(name: string, id: number, most: number): number {
  if (Number.isInteger(id) && id >= 0 && id <= most) return id;
  throw new PeerTypeError('ERR_ARGUMENT', `${name} must be an integer from 0 to ${most}`);
}

/**
 * Sends credentials, and the bytes that carry them (default: one NUL, as in
 * the D-Bus handshake). What is left out is this process's own id, the real
 * ones. Gives the number of bytes that were sent.
 *
 * @remarks
 * On Linux a process may name its own pid, and its real, effective or saved ids; one
 * with privileges any. The kernel checks; what it refuses is `ERR_SEND_CLAIM`. On FreeBSD and
 * DragonFly the kernel fills in what it knows itself, and anything else is refused here; on
 * NetBSD and illumos nothing can be sent.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`, `ERR_SOURCE_TYPE`
 * @throws {@link PeerError} `ERR_SEND_CLAIM`, `ERR_SEND_FULL`, `ERR_PEER_CLOSED`,
 * `ERR_PEER_NOT_CONNECTED`, `ERR_PEER_UNSUPPORTED`, `ERR_PEER_SYSTEM`
 *
 * @example
 * ```ts
 * import { connect } from 'node:net';
 * import { sendCredentials } from 'sockcred/messages';
 *
 * const socket = connect('/run/dbus/system_bus_socket');
 * socket.once('connect', () => {
 *   sendCredentials(socket);
 *   socket.end('AUTH EXTERNAL\r\n');
 * });
 * socket.on('error', () => {});
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html SCM_CREDENTIALS
 */
export function sendCredentials(
  target: SendTarget,
  ids: Partial<ClaimedIds> = {},
  bytes: Uint8Array = ONE_NUL,
): number {
  checkBytes(bytes);
  const claim = {
    pid: checkId('pid', ids.pid ?? process.pid, 0x7fffffff),
    uid: checkId('uid', ids.uid ?? process.getuid?.() ?? -1, MOST_ID),
    gid: checkId('gid', ids.gid ?? process.getgid?.() ?? -1, MOST_ID),
  };
  const result = send(descriptorFor(target), bytes, { claim });
  if (typeof result === 'number') return result;
  throw sendError(result, { claim: true });
}

/**
 * Sends file descriptors, and the bytes that carry them (default: one NUL).
 * They stay open here, and the receiver gets its own. Gives the number of bytes
 * that were sent.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`, `ERR_SOURCE_TYPE`
 * @throws {@link PeerError} `ERR_SEND_FDS` where the receiver takes none, one
 * of them is not open, or too many are on their way; `ERR_SEND_FULL`,
 * `ERR_PEER_CLOSED`, `ERR_PEER_NOT_CONNECTED`, `ERR_PEER_UNSUPPORTED`, `ERR_PEER_SYSTEM`
 *
 * @example
 * ```ts
 * import { once } from 'node:events';
 * import { sendFds, UnixStream } from 'sockcred/messages';
 *
 * const [ours, theirs] = UnixStream.pair();
 * sendFds(theirs.fd, [0, 1]);
 * const [{ fds }] = await once(ours, 'data');
 * console.log(fds.length); // 2
 * for (const fd of fds) fd.close();
 * ours.destroy();
 * theirs.destroy();
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html SCM_RIGHTS
 */
export function sendFds(target: SendTarget, fds: readonly number[], bytes: Uint8Array = ONE_NUL): number {
  checkBytes(bytes);
  if (fds.length === 0 || fds.length > 253) {
    throw new PeerTypeError('ERR_ARGUMENT', 'from 1 to 253 descriptors can be sent at once');
  }
  for (const fd of fds) checkId('each descriptor', fd, 0x7fffffff);
  const result = send(descriptorFor(target), bytes, { fds });
  if (typeof result === 'number') return result;
  throw sendError(result, { fds: true });
}
