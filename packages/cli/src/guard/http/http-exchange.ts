/** One request and its answer, between a client and the server behind. */

import {
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
  request as sendRequest,
} from 'node:http';
import type { Admission } from 'sockcred/gate';
import { HttpProblem, sendProblem } from './http-answers.ts';
import { answerHeaders, earlyHints, hasNoBody, passedTrailers, type RequestHead } from './http-head.ts';
import { isLate, type UpstreamConnection } from './http-upstream.ts';

/** What an exchange needs to know besides its request. */
export interface ExchangeRules {
  readonly isStripped: (name: string) => boolean;
  /** Milliseconds from the end of a request to the head of its answer. */
  readonly responseMs: number;
  /** Is told of everything that the server behind did not answer itself. */
  readonly onProblem: (problem: HttpProblem, admission: Admission) => void;
}

/** A request to the server behind, with what the guard says and nothing of what the client could have said for it. */
export function requestUpstream(
  head: RequestHead,
  upstream: UpstreamConnection,
  more: readonly string[] = [],
): ClientRequest {
  return sendRequest({
    agent: upstream.agent,
    method: head.method,
    path: head.target,
    headers: [...head.headers, ...upstream.headers, ...more],
    insecureHTTPParser: false,
  });
}

/** What to tell the client of an error of the server behind, or on the way to it. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (isLate(error)) return new HttpProblem(504, 'the server behind takes too long', { cause: error });
  return new HttpProblem(502, 'the server behind cannot be reached, or broke off', { cause: error });
}

/** Ends a request to the server behind whose answer does not begin in time. */
export function limitWait(outgoing: ClientRequest, milliseconds: number): void {
  let timer: NodeJS.Timeout | undefined;
  const late = () => outgoing.destroy(new HttpProblem(504, 'the server behind takes too long'));
  outgoing.once('finish', () => {
    if (!outgoing.destroyed) timer = setTimeout(late, milliseconds);
  });
  for (const event of ['response', 'upgrade', 'close'] as const) {
    outgoing.once(event, () => clearTimeout(timer));
  }
}

/** Gives the client an answer of the server behind. If that breaks off, so does this, and it is told. */
export function giveAnswer(
  incoming: IncomingMessage,
  response: ServerResponse,
  onBroken: (error: Error) => void,
): void {
  let begun = false;
  const { statusCode = 0, statusMessage, rawHeaders } = incoming;
  response.writeHead(statusCode, statusMessage, answerHeaders(statusCode, rawHeaders));
  incoming.once('data', () => {
    begun = true;
  });
  if (hasNoBody(statusCode)) incoming.resume();
  else incoming.pipe(response, { end: false });
  incoming.on('end', () => {
    begun = true;
    response.addTrailers(passedTrailers(incoming.rawTrailers, () => false));
    response.end();
  });
  incoming.on('error', error => {
    if (!response.destroyed) onBroken(error);
    response.destroy();
  });
  // Nobody should wait for the first byte of a body to get to know that there is an answer.
  setImmediate(() => {
    if (!begun && !response.destroyed) response.flushHeaders();
  });
}

/** Answers that come before the answer: RFC 9110, 15.2. */
function giveInformation(statusCode: number, rawHeaders: readonly string[], response: ServerResponse): void {
  if (statusCode === 102) response.writeProcessing();
  if (statusCode !== 103) return;
  // Node's own writeEarlyHints() throws at links that RFC 8288 allows. Where its turn has not come, there is no socket.
  const hints = earlyHints(rawHeaders);
  if (hints !== undefined && !response.headersSent) response.socket?.write(hints, 'latin1');
}

/** Sends the body on, then its trailers. */
function sendBody(
  request: IncomingMessage,
  outgoing: ClientRequest,
  isStripped: (name: string) => boolean,
): void {
  outgoing.flushHeaders();
  request.pipe(outgoing, { end: false });
  request.on('end', () => {
    outgoing.addTrailers(passedTrailers(request.rawTrailers, isStripped));
    outgoing.end();
  });
  request.on('error', () => outgoing.destroy());
}

/**
 * A kept connection may be closed by the server behind at the very moment in which it is used again. RFC 9110, 9.2.2:
 * what changes nothing may be sent once more.
 */
function mayRepeat(error: unknown, outgoing: ClientRequest, head: RequestHead): boolean {
  if (!outgoing.reusedSocket || head.hasBody) return false;
  const code = (error as NodeJS.ErrnoException).code;
  return ['GET', 'HEAD', 'OPTIONS'].includes(head.method) && (code === 'ECONNRESET' || code === 'EPIPE');
}

/** Sends a request on and its answer back. If the client goes, UpstreamConnection.end() puts an end to it. */
export function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  head: RequestHead,
  upstream: UpstreamConnection,
  rules: ExchangeRules,
): void {
  let outgoing: ClientRequest | undefined;

  const fail = (error: unknown) => {
    if (upstream.isOver || response.destroyed || response.writableFinished) return;
    const problem = problemOf(error);
    rules.onProblem(problem, upstream.admission);
    request.unpipe();
    request.resume();
    sendProblem(response, problem.status, problem.message);
  };

  const send = (isSecond: boolean) => {
    const sent = requestUpstream(head, upstream);
    outgoing = sent;
    let settled = false;
    const settle = (act: () => void) => {
      if (settled) return;
      settled = true;
      act();
    };
    limitWait(sent, rules.responseMs);
    sent.on('response', incoming => {
      settle(() => {
        try {
          giveAnswer(incoming, response, error => {
            if (!upstream.isOver) rules.onProblem(problemOf(error), upstream.admission);
          });
        } catch (error) {
          incoming.destroy();
          fail(error);
        }
      });
    });
    if (request.httpVersion === '1.1') {
      sent.on('continue', () => response.writeContinue());
      sent.on('information', ({ statusCode, rawHeaders }) =>
        giveInformation(statusCode, rawHeaders, response),
      );
    }
    sent.on('error', error => {
      settle(() => (!isSecond && mayRepeat(error, sent, head) ? send(true) : fail(error)));
    });
    // Nobody asked for it. Without a listener Node would leave that socket open.
    sent.on('upgrade', (_incoming, socket) => {
      socket.destroy();
      settle(() => fail(new Error('another protocol')));
    });
    sent.on('close', () => {
      settle(() => fail(new Error('no answer')));
      if (sent === outgoing) upstream.next();
    });
    if (head.hasBody) sendBody(request, sent, rules.isStripped);
    else sent.end();
  };

  if (!head.hasBody) request.resume();
  upstream.inTurn(() => send(false));
}
