/** For a server that has to listen by itself: the same decision, made before the server hears of the connection. */

import type { Server, Socket } from 'node:net';
import { PeerTypeError } from '../errors.ts';
import { cannotBeAsked } from '../sys/runtime-servers.ts';
import { type Authorize, Doorkeeper, type DoorOptions } from './doorkeeper.ts';
import type { Limits } from './limits.ts';

/** Decides about a server's connections. */
export interface Admitting {
  /** Connections that were let in and are open, but for those that were sent to another process (`child.send()`). */
  readonly connections: number;
  /** Decides by this from the next connection on. Who is in stays in, with the decision that was made then. */
  replaceAuthorize(authorize: Authorize): void;
  /**
   * Counts by these from the next connection on, as `Gate.replaceLimits()` does.
   *
   * @throws {@link PeerTypeError} `ERR_ARGUMENT`; then nothing has changed.
   */
  replaceLimits(limits: Limits): void;
}

const admitting = new WeakSet<Server>();

/**
 * Lets only peers that may come in reach a server, which listens by itself:
 * `node:http`, `node:http2`, `node:tls`, `node:net`. No 'connection' listener of the server
 * hears of the others. Call it before the server listens: connections that it has already were never decided upon, and
 * `peerOf()` throws for them.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED` for `node:http` and `node:https` in Bun, which hide what they accept.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { listenAt } from 'sockcred';
 * import { rootOr } from 'sockcred/authorization';
 * import { admit, peerOf } from 'sockcred/gate';
 *
 * const server = createServer((request, response) => response.end(`${peerOf(request).uid}\n`));
 * admit(server, { authorize: rootOr(0) });
 * const listening = await listenAt(server, '@sockcred-admit-example');
 * await listening.close();
 * ```
 */
export function admit(server: Server, options: DoorOptions): Admitting {
  if (typeof server?.emit !== 'function' || typeof server.on !== 'function') {
    throw new PeerTypeError(
      'ERR_ARGUMENT',
      'server must be a server of node:net, node:http, node:http2 or node:tls',
    );
  }
  if (admitting.has(server)) {
    throw new PeerTypeError(
      'ERR_ARGUMENT',
      'another call decides about the connections of this server already',
    );
  }
  const unsupported = cannotBeAsked(server);
  if (unsupported !== undefined) throw unsupported;
  const doorkeeper = new Doorkeeper(options);
  admitting.add(server);
  const emit = server.emit;
  // Not a listener: those that come after it would be told of a connection that was refused.
  server.emit = function (this: Server, event: string | symbol, ...args: unknown[]): boolean {
    if (event !== 'connection') return Reflect.apply(emit, this, [event, ...args]);
    const socket = args[0] as Socket;
    if (!doorkeeper.admits(socket)) return true;
    const heard = Reflect.apply(emit, this, [event, ...args]);
    doorkeeper.guests.seeOff(socket);
    return heard;
  } as typeof server.emit;
  return {
    get connections() {
      return doorkeeper.guests.count;
    },
    replaceAuthorize: authorize => doorkeeper.replaceAuthorize(authorize),
    replaceLimits: limits => doorkeeper.replaceLimits(limits),
  };
}
