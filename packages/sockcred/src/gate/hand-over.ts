/**
 * Hands an admitted socket to whatever serves it, as if that had accepted it
 * itself: with its own `allowHalfOpen` and `maxConnections`, and with the
 * timeouts that Node's HTTP servers start at their own 'listening' only.
 */

import type { Server as HttpServer } from 'node:http';
import type { Server, Socket } from 'node:net';
import { PeerTypeError } from '../errors.ts';
import { cannotBeHanded, forgetsTimeouts } from '../sys/runtime-servers.ts';
import { HttpDeadlines } from './http-deadlines.ts';

/** Anything that can be handed a socket; `@grpc/grpc-js` calls its own a connection injector. */
export interface ConnectionInjector {
  injectConnection(socket: Socket): void;
}

/**
 * What serves the peers that are let in: a server of `node:net`, `node:http`, `node:http2`, `node:tls` or `node:https`
 * that does not listen itself, a connection injector, or a function.
 */
export type Target = Server | ConnectionInjector | ((socket: Socket) => void);

function isServer(target: Target): target is Server {
  return typeof target === 'object' && 'emit' in target && typeof target.emit === 'function';
}

/** Has timeouts, and a timer that looks after them. */
function isHttpServer(target: Target): target is HttpServer {
  return isServer(target) && 'headersTimeout' in target;
}

/** In how many gates each is served now: its timer runs for all of them. */
const serving = new WeakMap<HttpServer, number>();

/** The one who serves, and what is done to it while it does. */
export class HandOver {
  readonly #target: Target;
  /** Where the server does not look after sockets that it is handed. */
  readonly #deadlines: HttpDeadlines | undefined;
  #serving = false;

  constructor(target: Target) {
    const injects = typeof target === 'object' && target !== null && 'injectConnection' in target;
    if (typeof target !== 'function' && !injects && !isServer(target)) {
      throw new PeerTypeError('ERR_ARGUMENT', 'a socket is handed to a server, an injector or a function');
    }
    const unsupported = cannotBeHanded(target);
    if (unsupported !== undefined) throw unsupported;
    this.#target = target;
    this.#deadlines = isHttpServer(target) && forgetsTimeouts(target) ? new HttpDeadlines(target) : undefined;
  }

  get maxConnections(): number | undefined {
    return isServer(this.#target) ? this.#target.maxConnections : undefined;
  }

  give(socket: Socket): void {
    const target = this.#target;
    if (isServer(target)) {
      socket.allowHalfOpen = (target as Server & { allowHalfOpen?: boolean }).allowHalfOpen === true;
      this.#deadlines?.watch(socket);
      target.emit('connection', socket);
      return;
    }
    socket.allowHalfOpen = false;
    if (typeof target === 'function') target(socket);
    else target.injectConnection(socket);
  }

  /** Starts the timer that ends connections whose headers or requests take too long. */
  begin(): void {
    if (this.#serving || !isHttpServer(this.#target) || this.#target.listening) return;
    this.#serving = true;
    const others = serving.get(this.#target) ?? 0;
    serving.set(this.#target, others + 1);
    if (others === 0) this.#target.emit('listening');
    this.#deadlines?.begin();
  }

  /** Closes connections on which no request is under way. */
  closeIdle(): void {
    if (isHttpServer(this.#target)) this.#target.closeIdleConnections?.();
  }

  /** Stops what begin() started. */
  end(): void {
    if (!this.#serving || !isHttpServer(this.#target)) return;
    this.#serving = false;
    this.#deadlines?.end();
    const others = (serving.get(this.#target) ?? 1) - 1;
    serving.set(this.#target, others);
    // Of another gate, or its own: it still serves somebody.
    if (others > 0 || this.#target.listening) return;
    // It was never listening, which close() calls an error after it has stopped its timer.
    this.#target.close(() => {});
  }
}
