/**
 * A connection to the server behind, as a bare descriptor: to a Unix socket, by
 * our own ids or by those of the peer that it is made for, or to a TCP port.
 */

import { connect, type Socket } from 'node:net';
import { escapeText } from '../credentials/format.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerError, PeerTypeError } from '../errors.ts';
import { nameOf } from '../listening/socket-file.ts';
import { type ConnectIdentity, connectedSocketAs } from '../sys/connect-as.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { STREAM } from '../sys/message-arena.ts';
import { connectSocket, duplicateSocket, unboundSocket } from '../sys/message-socket.ts';
import { descriptorOf, handleOf } from '../sys/socket-handle.ts';
import type { NewSocket, UnixName } from '../sys/unix-socket.ts';
import { connectInTurn } from './backlog.ts';

/** Where the server behind listens: a path or abstract name (`@name`), or a host and its port. */
export type Upstream = { readonly path: string } | { readonly host: string; readonly port: number };

/** How a connection is made. */
export interface ConnectOptions {
  /** Makes it under this peer's user and groups, so that the server is told those. Unix sockets; Linux, root. */
  readonly as?: PeerCredentials;
  /**
   * Called with the connected socket before it is handed out, and so before a byte is sent; what it throws refuses the
   * server, and the socket is closed. Unix sockets; `checkServer()` of `sockcred/clients` asks the kernel who listens.
   */
  readonly verify?: (fd: number) => void;
  readonly signal?: AbortSignal;
  /** Milliseconds until it is given up: a full backlog is waited for. Default: 10000. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;

function unreachable(shown: string, errno: string, cause?: unknown): PeerError {
  const details = { scope: 'connection', errno, ...(cause === undefined ? {} : { cause }) } as const;
  return new PeerError('ERR_UPSTREAM_CONNECT', `${shown}: cannot connect (${errno})`, details);
}

/** The ids to connect under: all of them, or none at all. */
function identityOf(peer: PeerCredentials): ConnectIdentity {
  const { uid, gid, groups } = peer;
  if (uid !== undefined && gid !== undefined && groups !== undefined) return { uid, gid, groups };
  const missing = [...(uid === undefined ? ['uid'] : []), ...(gid === undefined ? ['gid'] : [])];
  const what = [...missing, ...(groups === undefined ? ['groups'] : [])].join(', ');
  throw new PeerError('ERR_UPSTREAM_IDENTITY', `nobody can connect as this peer: unknown ${what}`, {
    scope: 'connection',
  });
}

function attempt(name: UnixName, identity: ConnectIdentity | undefined): NewSocket {
  if (identity !== undefined) return connectedSocketAs(name, identity);
  const socket = unboundSocket(STREAM);
  if ('refused' in socket) return socket;
  let connected = false;
  try {
    const outcome = connectSocket(socket.fd, name);
    connected = outcome.kind === 'answered';
    return connected ? socket : { refused: outcome };
  } finally {
    if (!connected) closeDescriptor(socket.fd);
  }
}

function verified(fd: number, verify: ConnectOptions['verify']): number {
  try {
    verify?.(fd);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** Never waits in connect(2): the socket is non-blocking, so that a full backlog is EAGAIN at once. */
async function connectUnix(path: string, options: ConnectOptions | undefined): Promise<number> {
  const { name, shown } = nameOf(path);
  const identity = options?.as === undefined ? undefined : identityOf(options.as);
  const end = performance.now() + (options?.timeoutMs ?? TIMEOUT_MS);
  const connecting = { attempt: () => attempt(name, identity), end, signal: options?.signal };
  const made = await connectInTurn(path, connecting);
  if ('fd' in made) return verified(made.fd, options?.verify);
  throw unreachable(escapeText(shown), made.refused.errno ?? made.refused.kind);
}

function shownDescriptor(socket: Socket): number | undefined {
  const handle = handleOf(socket);
  try {
    return handle === undefined ? -1 : descriptorOf(socket, handle);
  } catch {
    return undefined;
  }
}

function hiddenTcp(): PeerError {
  const message =
    'this runtime shows no descriptor of a TCP socket (Deno 2.9): connect with node:net instead';
  return new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
}

/**
 * Through a `net.Socket`, which looks names up and tries all addresses; it never reads, and its descriptor
 * lives on in a copy.
 */
function connectTcp(host: string, port: number, options: ConnectOptions | undefined): Promise<number> {
  const shown = `${escapeText(host)}:${port}`;
  return new Promise((done, failed) => {
    const socket = connect({ host, port, noDelay: true });
    socket.pause();
    const settle = (act: () => void) => {
      clearTimeout(timer);
      options?.signal?.removeEventListener('abort', abort);
      act();
      socket.destroy();
    };
    const abort = () => settle(() => failed(options?.signal?.reason));
    const late = () => settle(() => failed(unreachable(shown, 'ETIMEDOUT')));
    const timer = setTimeout(late, options?.timeoutMs ?? TIMEOUT_MS);
    options?.signal?.addEventListener('abort', abort);
    socket.on('error', (error: NodeJS.ErrnoException) =>
      settle(() => failed(unreachable(shown, error.code ?? 'unknown error', error))),
    );
    socket.on('connect', () =>
      settle(() => {
        const fd = shownDescriptor(socket);
        if (fd === undefined) return failed(hiddenTcp());
        const copy = duplicateSocket(fd);
        if ('fd' in copy) done(copy.fd);
        else failed(unreachable(shown, copy.refused.errno ?? copy.refused.kind));
      }),
    );
  });
}

/**
 * Connects to the server behind: a new descriptor, non-blocking and
 * close-on-exec, which the caller owns.
 *
 * @remarks
 * Trust: with `as` the server is told the ids in the value by its own kernel, as if the peer had connected
 * itself; the pid and the label are those of this program. All of uid, gid and groups have to be known.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 * @throws {@link PeerError} `ERR_UPSTREAM_CONNECT` with `errno`, `ERR_UPSTREAM_IDENTITY`,
 * `ERR_PEER_UNSUPPORTED`, `ERR_PEER_ADDON`; whatever the signal was aborted with, and what `verify` throws.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { listenAt } from 'sockcred';
 * import { closeDescriptor, connectUpstream } from 'sockcred/relay';
 *
 * const listening = await listenAt(createServer(socket => socket.end()), '@sockcred-upstream');
 * const fd = await connectUpstream({ path: '@sockcred-upstream' });
 * closeDescriptor(fd);
 * await listening.close();
 * ```
 */
export async function connectUpstream(to: Upstream, options?: ConnectOptions): Promise<number> {
  options?.signal?.throwIfAborted();
  if ('path' in to) {
    if (typeof to.path === 'string' && to.path !== '') return await connectUnix(to.path, options);
    throw new PeerTypeError('ERR_ARGUMENT', 'path must be a path, or @name for an abstract name');
  }
  if (typeof to.host !== 'string' || !Number.isInteger(to.port) || to.port < 1 || to.port > 65535) {
    throw new PeerTypeError('ERR_ARGUMENT', 'host must be a name or address, and port from 1 to 65535');
  }
  if (options?.as !== undefined) {
    throw new PeerTypeError('ERR_ARGUMENT', 'as: a TCP server is told nobody’s ids');
  }
  if (options?.verify !== undefined) {
    throw new PeerTypeError('ERR_ARGUMENT', 'verify: no kernel tells who listens on a TCP port');
  }
  return await connectTcp(to.host, to.port, options);
}
