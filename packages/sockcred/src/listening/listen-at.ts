/**
 * Makes a server listen at a path, with a mode that holds from the first
 * moment and without ever displacing a live server.
 */

import type { Server } from 'node:net';
import { listeningSocket } from '../sys/unix-socket.ts';
import { failure } from './listen-failure.ts';
import { bindAt, checkArguments, nameOf } from './socket-file.ts';

/** Who may connect, and how many may wait. */
export interface ListenOptions {
  /** Permissions of the socket file: who may connect. Default: 0o600. */
  readonly mode?: number;
  /**
   * Group of the socket file, by its id. Until it has it, nobody but its owner can connect. Only root can give it to a group
   * that it is not in itself; and only where nobody else could exchange the file or a directory on the way to it.
   * Default: the group that the system gives it.
   */
  readonly group?: number;
  /** Connections that may wait for accept(2). Default: 511, as in `net.Server`. */
  readonly backlog?: number;
}

/** A server that listens. */
export interface Listening {
  /** The path, absolute, or the abstract name as `@name`. */
  readonly path: string;
  /** Removes the socket file if it is still ours, then stops listening. Connections that exist stay. */
  close(): Promise<void>;
}

/** Hands a listening descriptor to the server, which owns it from here on and listens once more. */
function adopt(server: Server, fd: number, backlog: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen({ fd }, backlog, () => {
      server.off('error', failed);
      done();
    });
  });
}

/**
 * Makes a `net.Server` (or `http.Server`) listen at a path.
 *
 * The mode is set before the socket has a name: nobody whom it shuts out can
 * connect in between. The file of a server that died is replaced; a file that
 * is no socket, and a server that lives, are left alone. When the server
 * closes, the file is removed if it can be and is still the same one. Abstract names
 * (`@name`) have no file, no mode and no group: anybody in the network namespace can
 * connect. Workers of `node:cluster` cannot use it: what they listen on is
 * opened by the primary.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 * @throws {@link PeerError} `ERR_LISTEN_IN_USE`, `ERR_LISTEN_OCCUPIED`,
 * `ERR_LISTEN_DIRECTORY`, `ERR_PEER_SYSTEM` with `path` and `errno`,
 * `ERR_PEER_ADDON`, `ERR_PEER_UNSUPPORTED`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { listenAt } from 'sockcred';
 *
 * const server = createServer(socket => socket.end());
 * const listening = await listenAt(server, '@sockcred-listen-example');
 * await listening.close();
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html "Pathname socket ownership and permissions"
 */
export async function listenAt(server: Server, path: string, options?: ListenOptions): Promise<Listening> {
  return await listenPrepared(server, path, options);
}

/** The same, of a socket that `prepare` has readied before it has a name. */
export async function listenPrepared(
  server: Server,
  path: string,
  options?: ListenOptions,
  prepare?: (fd: number) => void,
): Promise<Listening> {
  const { mode = 0o600, group, backlog = 511 } = options ?? {};
  const permissions = { mode, group };
  checkArguments(path, permissions, backlog);
  const { default: cluster } = await import('node:cluster');
  if (cluster.isWorker) {
    const what = 'in a worker of node:cluster the primary would listen, on a descriptor of its own';
    throw failure('ERR_PEER_UNSUPPORTED', nameOf(path).shown, what);
  }

  const bound = await bindAt(path, permissions, (name, firstMode) =>
    listeningSocket(name, firstMode, backlog, prepare),
  );
  server.once('close', bound.remove);
  await adopt(server, bound.fd, backlog);
  try {
    bound.completePermissions();
  } catch (error) {
    bound.remove();
    server.close();
    throw error;
  }
  return {
    path: bound.path,
    close: () =>
      new Promise((done, failed) => {
        bound.remove();
        server.close(error => (error === undefined ? done() : failed(error)));
      }),
  };
}
