/** Connections to verified servers, in the forms in which HTTP clients want them. */

import { connect, type Socket } from 'node:net';
import type { Policy } from '../authorization/policy.ts';
import { PeerTypeError } from '../errors.ts';
import { ignoresConnectors } from '../sys/runtime-servers.ts';
import { requirePeer } from './require-peer.ts';

/** What `node:http` and `ws` say about a connection that they want. */
export interface ConnectionOptions {
  readonly socketPath?: string | null | undefined;
  readonly path?: string | null | undefined;
}

/**
 * A `createConnection` for `http.request()`, `http.Agent`, `ws` and `http2.connect()`: every connection that it makes is verified
 * before a byte is sent, also when an agent makes another one later. `path` is where to connect; else the
 * request's own `socketPath`. Best given to an agent: Node passes over a request's own `createConnection` where the
 * request says `agent: false` or names an agent.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT` when a connection is wanted and there is no path: to no other kind of
 * server can it connect.
 *
 * @example
 * ```ts
 * import { Agent, request } from 'node:http';
 * import { sameUserOnly } from 'sockcred/authorization';
 * import { verifiedConnection } from 'sockcred/clients';
 *
 * const agent = Object.assign(new Agent({ keepAlive: true }), {
 *   createConnection: verifiedConnection(sameUserOnly()),
 * });
 * request({ agent, socketPath: '/run/my-daemon/socket' }).on('error', error => console.error(error.message)).end();
 * ```
 */
export function verifiedConnection(policy: Policy, path?: string): (options?: object | null) => Socket {
  return options => {
    const { socketPath, path: ownPath } = (options ?? {}) as ConnectionOptions;
    const where = path ?? socketPath ?? ownPath;
    if (typeof where === 'string' && where !== '') return requirePeer(connect(where), policy);
    throw new PeerTypeError('ERR_ARGUMENT', 'a path of a Unix socket is needed');
  };
}

/** What undici calls when a connection is there, or is not. */
export type UndiciCallback = (
  ...result: [error: null, socket: Socket] | [error: Error, socket: null]
) => void;

/**
 * A `connect` for undici's dispatchers: every connection that they make is verified before a byte is sent.
 *
 * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED` in Bun, whose module of that name would connect to anybody.
 *
 * @example
 * ```ts
 * import { sameUserOnly } from 'sockcred/authorization';
 * import { verifiedUndiciConnect } from 'sockcred/clients';
 *
 * const connect = verifiedUndiciConnect(sameUserOnly(), '/run/my-daemon/socket');
 * export const options = { connect }; // new Agent({ connect })
 * ```
 */
export function verifiedUndiciConnect(
  policy: Policy,
  path: string,
): (options: unknown, callback: UndiciCallback) => Socket {
  const unsupported = ignoresConnectors();
  if (unsupported !== undefined) throw unsupported;
  return (_options, callback) => {
    const socket = requirePeer(connect(path), policy);
    const failed = (error: Error) => callback(error, null);
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      callback(null, socket);
    });
    return socket;
  };
}
