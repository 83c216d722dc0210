/** `request.peer` for express, connect and whatever else takes `(request, response, next)`. */

import type { IncomingMessage } from 'node:http';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { peerOf } from '../gate/admissions.ts';

/** A request that has been through `expressPeer()`. */
export interface RequestWithPeer {
  peer: PeerCredentials;
}

/**
 * Middleware that puts the admitted peer into `request.peer`. A request that came through no gate ends in
 * the application's error handler.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { expressPeer } from 'sockcred/adapters';
 *
 * const peer = expressPeer(); // app.use(expressPeer())
 * createServer((request, response) => peer(request, response, error => response.end(error ? 'no' : 'yes')));
 * ```
 */
export function expressPeer(): (
  request: IncomingMessage,
  response: unknown,
  next: (error?: unknown) => void,
) => void {
  return (request, _response, next) => {
    try {
      (request as IncomingMessage & Partial<RequestWithPeer>).peer = peerOf(request);
    } catch (error) {
      next(error);
      return;
    }
    next();
  };
}
