/** `context.state.peer` for koa. */

import type { IncomingMessage } from 'node:http';
import { peerOf } from '../gate/admissions.ts';

/** What the middleware needs of a koa context. */
export interface KoaLike {
  readonly req: IncomingMessage;
  // biome-ignore lint/suspicious/noExplicitAny: koa's own type of its state
  state: any;
}

/**
 * Middleware that puts the admitted peer into `context.state.peer`; throws for a request that came through no gate.
 *
 * @example
 * ```ts
 * import { koaPeer } from 'sockcred/adapters';
 *
 * export const middleware = koaPeer(); // app.use(koaPeer())
 * ```
 */
export function koaPeer(): (context: KoaLike, next: () => Promise<unknown>) => Promise<unknown> {
  return async (context, next) => {
    context.state.peer = peerOf(context.req);
    return next();
  };
}
