/** Tells those who are not let in so, in HTTP; for `GateOptions.refuse`. */

import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type PeerCredentials, peerCredentials } from 'sockcred';
import { endWithProblem, sendProblem } from './http-answers.ts';

/** What those who are not let in are told. */
export interface HttpRefusalOptions {
  /**
   * Why, as text. It tells an attacker what to look for, so nothing is told unless the operator wants it to.
   */
  readonly explain?: (peer: PeerCredentials) => string | undefined;
}

const FORBIDDEN = 403;
const DETAIL = 'you are not let in';

/** A server that answers 403, whatever it is asked. */
export function createHttpRefusal({ explain }: HttpRefusalOptions = {}): Server {
  const detailFor = (request: IncomingMessage): string => {
    if (explain === undefined) return DETAIL;
    try {
      return explain(peerCredentials(request, { side: 'accepted' })) ?? DETAIL;
    } catch {
      return DETAIL;
    }
  };
  const server = createServer({ insecureHTTPParser: false });
  server.on('request', (request, response) => sendProblem(response, FORBIDDEN, detailFor(request)));
  server.on('checkContinue', (request, response) => sendProblem(response, FORBIDDEN, detailFor(request)));
  for (const event of ['upgrade', 'connect'] as const) {
    server.on(event, (request: IncomingMessage, socket) => {
      socket.on('error', () => {});
      endWithProblem(socket, FORBIDDEN, detailFor(request));
    });
  }
  return server;
}
