/** Tells those who are not let in so, in HTTP; for `GateOptions.refuse`. */

import { createServer, type IncomingMessage, type Server } from 'node:http';
import { formatDecision } from 'sockcred/authorization';
import { denialOf } from 'sockcred/gate';
import { endWithProblem, sendProblem } from './http-answers.ts';

/** What those who are not let in are told. */
export interface HttpRefusalOptions {
  /**
   * Which rule decided. It tells an attacker what to look for, so nothing is told unless the operator wants it to.
   */
  readonly explain: boolean;
}

const FORBIDDEN = 403;
const DETAIL = 'you are not let in';

/** The decision without what was tried: no rule that does not concern them. */
function explanation(request: IncomingMessage): string {
  const decision = denialOf(request)?.decision;
  return decision === undefined ? DETAIL : formatDecision({ ...decision, tried: [] });
}

/** A server that answers 403, whatever it is asked. */
export function createHttpRefusal({ explain }: HttpRefusalOptions): Server {
  const detailFor = explain ? explanation : () => DETAIL;
  const server = createServer({ insecureHTTPParser: false });
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) {
    server.on(event, (request, response) => sendProblem(response, FORBIDDEN, detailFor(request)));
  }
  for (const event of ['upgrade', 'connect'] as const) {
    server.on(event, (request: IncomingMessage, socket) => {
      socket.on('error', () => {});
      endWithProblem(socket, FORBIDDEN, detailFor(request));
    });
  }
  return server;
}
