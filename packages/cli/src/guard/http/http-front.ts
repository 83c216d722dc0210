/**
 * The guard's HTTP side: a reverse proxy that tells the server behind who the
 * peer is, in headers that nobody else can have put there. Stands behind a
 * gate, so that whoever gets here was let in.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Admission, admissionOf } from 'sockcred/gate';
import { endWithProblem, HttpProblem, sendProblem } from './http-answers.ts';
import { type ExchangeRules, exchange } from './http-exchange.ts';
import { type HeadRules, readHead, strippedNames } from './http-head.ts';
import { lastResponse, upgrade } from './http-upgrade.ts';
import { type Connect, UpstreamConnection } from './http-upstream.ts';

/** A request that the server behind did not answer itself. */
export interface HttpFailure {
  readonly admission: Admission;
  /** What the client was told. */
  readonly status: number;
  readonly error: Error;
}

/** How requests are sent on. */
export interface HttpFrontOptions {
  /** A connection to the server behind: `socketTo()`. */
  readonly connect: Connect;
  /** Further headers that no client may send, in any spelling: `X-Remote-User`. */
  readonly strip?: readonly string[];
  /** Headers by which proxies tell who the client is, and that clients may send all the same: `X-Forwarded-For`. */
  readonly keep?: readonly string[];
  /** Adds `Sockcred-Uid` and the like. Default: false. */
  readonly simpleHeaders?: boolean;
  /** Protocols that a connection may go on in. Default: `websocket`. */
  readonly upgrades?: readonly string[];
  /** Milliseconds from the end of a request to the head of its answer. Default: 60000. */
  readonly responseMs?: number;
  readonly onFailure?: (failure: HttpFailure) => void;
}

const RESPONSE_MS = 60_000;
const MOST_HEAD_BYTES = 16_384;
/** Requests of one connection that were sent ahead and are not answered yet. */
const MOST_UNDERWAY = 64;

/** A server for `gate.handTo()`. */
export function createHttpFront(options: HttpFrontOptions): Server {
  const isStripped = strippedNames(options.strip ?? [], options.keep ?? []);
  const upgrades = new Set((options.upgrades ?? ['websocket']).map(protocol => protocol.toLowerCase()));
  const headRules: HeadRules = { isStripped, upgrades };
  const rules: ExchangeRules = {
    isStripped,
    responseMs: options.responseMs ?? RESPONSE_MS,
    onProblem: (error, admission) => options.onFailure?.({ admission, status: error.status, error }),
  };
  const connections = new WeakMap<Socket, UpstreamConnection>();

  /** The way to the server behind for the connection that a request came in on. */
  const upstreamOf = (request: IncomingMessage): UpstreamConnection => {
    const { socket } = request;
    const before = connections.get(socket);
    if (before !== undefined) return before;
    const admission = admissionOf(socket);
    let made: UpstreamConnection;
    try {
      made = new UpstreamConnection(admission, options.connect, options.simpleHeaders === true);
    } catch (cause) {
      const problem = new HttpProblem(500, 'who you are cannot be told to the server behind', { cause });
      rules.onProblem(problem, admission);
      throw problem;
    }
    connections.set(socket, made);
    socket.once('close', () => made.end());
    return made;
  };

  /** What cannot be sent on is answered; anything else costs the connection. */
  const attempt = (request: IncomingMessage, answer: () => ServerResponse, act: () => void) => {
    try {
      act();
    } catch (error) {
      if (error instanceof HttpProblem) sendProblem(answer(), error.status, error.message);
      else request.socket.destroy();
    }
  };

  const serve = (request: IncomingMessage, response: ServerResponse) => {
    attempt(
      request,
      () => response,
      () => {
        const upstream = upstreamOf(request);
        if (++upstream.underway > MOST_UNDERWAY) throw new Error('too many were sent ahead');
        response.on('close', () => {
          upstream.underway--;
        });
        exchange(request, response, readHead(request, headRules), upstream, rules);
      },
    );
  };

  const serveUpgrade = (request: IncomingMessage, socket: Duplex, first: Buffer) => {
    socket.on('error', () => {});
    const answer = () => lastResponse(request, socket);
    attempt(request, answer, () => {
      const upstream = upstreamOf(request);
      // Its answer would come before theirs.
      if (upstream.underway > 0) throw new Error('requests are under way');
      const head = readHead(request, headRules);
      if (head.hasBody) throw new HttpProblem(400, 'a request that upgrades cannot have a body');
      const protocol = head.upgrade;
      // A server may answer as if it had not been asked: RFC 9110, 7.8.
      if (protocol === undefined) exchange(request, answer(), head, upstream, rules);
      else upgrade(request, socket, first, { ...head, upgrade: protocol }, upstream, rules);
    });
  };

  // What Node would answer by itself is ours to answer: it has to be counted as under way.
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: false,
    maxHeaderSize: MOST_HEAD_BYTES,
  });
  // Node leaves out headers beyond this number without a word; their bytes are limited as it is.
  server.maxHeadersCount = 0;
  server.on('request', serve).on('checkContinue', serve).on('checkExpectation', serve);
  server.on('upgrade', serveUpgrade);
  server.on('connect', (request, socket) => {
    socket.on('error', () => {});
    // Its answer would come before theirs.
    if ((connections.get(request.socket)?.underway ?? 0) > 0) socket.destroy();
    else endWithProblem(socket, 405, 'nothing is tunnelled here');
  });
  return server;
}
