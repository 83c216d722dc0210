/** `request.peer` for fastify, as a request decorator. */

import type { IncomingMessage } from 'node:http';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { peerOf } from '../gate/admissions.ts';

/** What the plugin needs of a fastify instance. */
export interface FastifyLike {
  decorateRequest(
    name: string,
    property: { getter(this: { raw: IncomingMessage }): PeerCredentials },
  ): unknown;
}

function register(instance: FastifyLike, _options: unknown, done: () => void): void {
  instance.decorateRequest('peer', {
    getter() {
      return peerOf(this.raw);
    },
  });
  done();
}

/**
 * Plugin that decorates requests with the admitted peer. Reading `request.peer` of one that came through no gate
 * throws.
 *
 * @example
 * ```ts
 * import { fastifyPeer } from 'sockcred/adapters';
 *
 * export const plugins = [fastifyPeer]; // app.register(fastifyPeer)
 * ```
 */
export const fastifyPeer: typeof register = Object.assign(register, {
  // fastify's own sign for plugins that are meant for the whole application.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'sockcred',
});
