/**
 * Connections whose descriptor a runtime keeps to itself: nothing can be asked
 * of them, and the way round is the same for all. Bun's node:http and
 * Bun.serve, Deno.serve and Deno.listen are of this kind (Bun 1.4, Deno 2.9).
 */

import type { Socket } from 'node:net';
import { PeerError, PeerTypeError } from '../errors.ts';

const WAY_ROUND =
  'accept with net.createServer, ask about the socket in its connection listener, then hand it on: ' +
  "httpServer.emit('connection', socket)";

function hidden(what: string): PeerError {
  const message = `${what} shows no file descriptor in this runtime; ${WAY_ROUND}`;
  return new PeerError('ERR_PEER_HIDDEN_DESCRIPTOR', message, { scope: 'call' });
}

/** The error for an open socket whose descriptor is hidden. Deno hides those of TCP sockets, which would be none of ours. */
export function hiddenDescriptor(socket: Socket): PeerError | PeerTypeError {
  if (socket.remoteFamily === undefined) return hidden('this socket');
  return new PeerTypeError('ERR_SOURCE_NOT_UNIX', `this socket is no Unix socket but ${socket.remoteFamily}`);
}

/** A socket that is open by its public properties: without a handle, the runtime hides it. */
export function isOpen(socket: Socket): boolean {
  return socket.destroyed === false && socket.pending === false;
}

/** The error for what a runtime's own server gives instead of a socket; undefined if it is nothing of the kind. */
export function withoutSocket(source: unknown): PeerError | undefined {
  if (typeof source !== 'object' || source === null) return undefined;
  if (typeof Request === 'function' && source instanceof Request) return hidden('a Request');
  return source.constructor?.name === 'UnixConn' ? hidden('a Deno.UnixConn') : undefined;
}
