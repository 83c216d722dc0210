/**
 * The one file that reads a runtime's socket handle. No runtime has a public
 * way from a `net.Socket` to its descriptor; `_handle.fd` is what Node, Bun
 * and Deno all keep, and the handle object itself tells one connection of a
 * `net.Socket` from the next one that the same object makes.
 */

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { PeerTypeError } from '../errors.ts';
import { fs } from './builtin-modules.ts';
import { hiddenDescriptor, withoutSocket } from './hidden-descriptor.ts';

/** Anything over a connected socket: the socket, a TLS socket over one, or a request that came in on one. */
export type SocketSource = Socket | IncomingMessage;

/** The runtime's own object for one open socket; its identity is the connection's. */
export interface SocketHandle {
  readonly fd?: unknown;
  /** Of TLS over a socket: that socket's handle. Deno shows the descriptor only there. */
  readonly _parent?: SocketHandle | null;
}

interface SocketInternals {
  readonly _handle?: SocketHandle | null;
  /** Of a TLSSocket: the socket that it wraps. */
  readonly _parent?: Socket | null;
}

/** The socket of an HTTP/2 session is a Proxy that has the property and denies it. */
function isSocket(value: unknown): value is Socket & SocketInternals {
  if (typeof value !== 'object' || value === null) return false;
  return '_handle' in value || (value as SocketInternals)._handle !== undefined;
}

/**
 * The socket that a source is, or came in on.
 *
 * @throws {@link PeerTypeError} `ERR_SOURCE_TYPE`
 * @throws {@link PeerError} `ERR_PEER_HIDDEN_DESCRIPTOR` for what a runtime's own server gives instead of one.
 */
export function socketOf(source: SocketSource): Socket {
  if (isSocket(source)) return source;
  const { socket } = (source ?? {}) as Partial<IncomingMessage>;
  if (isSocket(socket)) return socket;
  const instead = withoutSocket(source);
  if (instead !== undefined) throw instead;
  const message =
    'the source must be a net.Socket, a tls.TLSSocket over one, an http.IncomingMessage or a file descriptor';
  throw new PeerTypeError('ERR_SOURCE_TYPE', message);
}

/** The handle that a socket has at this moment; undefined before it connects and after it closes. */
export function handleOf(socket: Socket): SocketHandle | undefined {
  return (socket as SocketInternals)._handle ?? undefined;
}

/** Bun and Deno send no sockets, and may keep a socket's handle elsewhere. */
const SENDS_SOCKETS = process.versions['bun'] === undefined && !('Deno' in globalThis);

/** Was it sent to another process, by `child.send()`? Node takes its handle away then, and it never closes. */
export function wasSentAway(socket: Socket): boolean {
  return SENDS_SOCKETS && !socket.destroyed && handleOf(socket) === undefined;
}

/** The socket that a TLS socket, or several one over the other, were put on; a socket that is over none is its own. */
export function rawSocketOf(socket: Socket): Socket {
  let raw = socket;
  for (let wrapped = (raw as SocketInternals)._parent; wrapped != null; ) {
    raw = wrapped;
    wrapped = (raw as SocketInternals)._parent;
  }
  return raw;
}

/**
 * The descriptor behind a socket's handle: negative once it is closed.
 *
 * @throws {@link PeerError} `ERR_PEER_HIDDEN_DESCRIPTOR` where the runtime shows none.
 * @throws {@link PeerTypeError} `ERR_SOURCE_NOT_UNIX`
 */
export function descriptorOf(socket: Socket, handle: SocketHandle): number {
  for (const fd of [handle.fd, handle._parent?.fd]) if (Number.isInteger(fd)) return fd as number;
  throw hiddenDescriptor(socket);
}

/** One connection of a socket object, as it was seen at one moment. */
export interface SeenConnection {
  /** Absent for a socket that never had one: made up for a test. */
  readonly handle: SocketHandle | undefined;
  /** The number of the socket's own inode, where the runtime may put another handle over the same connection. */
  readonly inode: number | undefined;
}

/** Bun (1.4) exchanges the handle of a socket when TLS is put over it: then the kernel has to say that it is the same. */
const HANDLES_CHANGE = process.versions['bun'] !== undefined;

/** Numbers of sockets come round again after 2^32 of them. */
function inodeBehind(socket: Socket, handle: SocketHandle | undefined): number | undefined {
  if (!HANDLES_CHANGE || handle === undefined) return undefined;
  try {
    return fs().fstatSync(descriptorOf(socket, handle)).ino;
  } catch {
    return undefined;
  }
}

/** The connection that a socket has now. */
export function seenConnection(socket: Socket): SeenConnection {
  const handle = handleOf(socket);
  return { handle, inode: inodeBehind(socket, handle) };
}

/** Is that still the socket's connection, or, if it has none now, its last one? */
export function isStill(seen: SeenConnection, socket: Socket): boolean {
  const handle = handleOf(socket);
  if (handle === undefined || handle === seen.handle) return true;
  return seen.inode !== undefined && seen.inode === inodeBehind(socket, handle);
}
