/** The variable `peer` for hono on `@hono/node-server`. */

import type { IncomingMessage } from 'node:http';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { peerOf } from '../gate/admissions.ts';

/** What the middleware needs of a hono context. */
export interface HonoLike {
  readonly env: unknown;
  set(key: 'peer', value: PeerCredentials): void;
}

/**
 * Middleware that sets the variable `peer` to the admitted peer; throws for a request that came through no gate.
 *
 * @example
 * ```ts
 * import { honoPeer } from 'sockcred/adapters';
 *
 * export const middleware = honoPeer(); // app.use(honoPeer())
 * ```
 */
export function honoPeer(): (context: HonoLike, next: () => Promise<void>) => Promise<void> {
  return async (context, next) => {
    context.set('peer', peerOf((context.env as { incoming: IncomingMessage }).incoming));
    await next();
  };
}
