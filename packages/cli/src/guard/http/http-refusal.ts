/** Tells those who are not let in so, in HTTP; for `GateOptions.refuse`. */

import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { formatDecision } from 'sockcred/authorization';
import { denialOf, type LimitName, type Limits, limitationOf } from 'sockcred/gate';
import { endWithProblem, sendProblem } from './http-answers.ts';

/** What those who are not let in are told. */
export interface HttpRefusalOptions {
  /**
   * Which rule decided. It tells an attacker what to look for, so nothing is told unless the operator wants it to.
   */
  readonly explain: boolean;
  /** Those that are in force. */
  readonly limits?: () => Limits;
}

interface Told {
  readonly status: number;
  readonly detail: string;
  readonly headers: OutgoingHttpHeaders;
}

const DENIED = 'you are not let in';

/** The decision without what was tried: no rule that does not concern them. */
function explanation(request: IncomingMessage): string {
  const decision = denialOf(request)?.decision;
  return decision === undefined ? DENIED : formatDecision({ ...decision, tried: [] });
}

/** RFC 6585, 4, for what a user does; RFC 9110, 15.6.4, for what all of them do. */
function ofLimit(limit: LimitName, { acceptsPerUid }: Limits): Told {
  if (limit === 'connections') {
    return { status: 503, detail: 'too many connections are open', headers: { 'Retry-After': '1' } };
  }
  if (limit !== 'acceptsPerUid') {
    return { status: 429, detail: 'you have too many connections open', headers: { 'Retry-After': '1' } };
  }
  const { count = 1, seconds = 1 } = acceptsPerUid ?? {};
  const wait = Math.max(1, Math.ceil(seconds / count));
  return { status: 429, detail: 'you connect too often', headers: { 'Retry-After': `${wait}` } };
}

/** A server that answers 403, 429 or 503, whatever it is asked. */
export function createHttpRefusal({ explain, limits = () => ({}) }: HttpRefusalOptions): Server {
  const told = (request: IncomingMessage): Told => {
    const limit = limitationOf(request)?.limit;
    if (limit !== undefined) return ofLimit(limit, limits());
    return { status: 403, detail: explain ? explanation(request) : DENIED, headers: {} };
  };
  const server = createServer({ insecureHTTPParser: false });
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const { status, detail, headers } = told(request);
    sendProblem(response, status, detail, headers);
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) server.on(event, answer);
  for (const event of ['upgrade', 'connect'] as const) {
    server.on(event, (request: IncomingMessage, socket) => {
      const { status, detail, headers } = told(request);
      socket.on('error', () => {});
      endWithProblem(socket, status, detail, headers);
    });
  }
  return server;
}
