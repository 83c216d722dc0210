/**
 * A request that goes on in another protocol, on the same connection: after
 * its head was cleaned like any other, and after the server behind has agreed, bytes
 * are carried both ways. Only in protocols that were allowed: in HTTP/2 a client
 * could send further requests, with headers that nobody cleans.
 */

import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { carryBetween } from '../services/stream-pair.ts';
import { HttpProblem, sendProblem } from './http-answers.ts';
import { type ExchangeRules, giveAnswer, limitWait, problemOf, requestUpstream } from './http-exchange.ts';
import { pairs, passedOn, type RequestHead } from './http-head.ts';
import type { UpstreamConnection } from './http-upstream.ts';

/** An answer on a connection that HTTP has let go of; the last one on it. */
export function lastResponse(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  try {
    response.assignSocket(socket as Socket);
  } catch {
    // Another answer is on its way: this one could be taken for it.
    socket.destroy();
    return response;
  }
  // HTTP reads no more. Nothing that comes is wanted, but whether the client has gone.
  socket.resume();
  socket.on('end', () => {
    if (!response.headersSent) socket.destroy();
  });
  response.on('finish', () => {
    response.detachSocket(socket as Socket);
    socket.end(() => socket.destroy());
  });
  return response;
}

function switchingProtocols(incoming: IncomingMessage, protocol: string): string {
  const headers = [
    'Connection',
    'Upgrade',
    'Upgrade',
    protocol,
    ...passedOn(incoming.rawHeaders, () => false),
  ];
  const lines = [...pairs(headers)].map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`;
}

/** Asks the server behind whether it goes on in the protocol, and carries bytes if so. */
export function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  first: Buffer,
  head: RequestHead & { readonly upgrade: string },
  upstream: UpstreamConnection,
  rules: ExchangeRules,
): void {
  let settled = false;
  const fail = (error: unknown) => {
    // Nobody is left to be told where the client has gone.
    if (settled || socket.destroyed) return;
    settled = true;
    const problem = problemOf(error);
    rules.onProblem(problem, upstream.admission);
    sendProblem(lastResponse(request, socket), problem.status, problem.message);
  };
  const outgoing = requestUpstream(head, upstream, ['Connection', 'Upgrade', 'Upgrade', head.upgrade]);
  limitWait(outgoing, rules.responseMs);
  socket.on('error', () => outgoing.destroy());
  socket.on('close', () => outgoing.destroy());
  socket.on('end', () => {
    if (!settled) socket.destroy();
  });
  // HTTP reads no more, and without reading nobody hears that the client has gone. What comes stays in the buffer.
  socket.read(0);
  outgoing.on('upgrade', (incoming, server, firstOfServer) => {
    if (incoming.headers.upgrade?.toLowerCase() !== head.upgrade) {
      server.destroy();
      fail(new HttpProblem(502, 'the server behind went on in another protocol'));
      return;
    }
    settled = true;
    socket.write(switchingProtocols(incoming, head.upgrade), 'latin1');
    if (firstOfServer.length > 0) socket.write(firstOfServer);
    if (first.length > 0) server.write(first);
    carryBetween(socket, server);
  });
  outgoing.on('response', incoming => {
    if (settled) return;
    settled = true;
    const response = lastResponse(request, socket);
    const report = (error: unknown) => {
      const problem = problemOf(error);
      if (!upstream.isOver) rules.onProblem(problem, upstream.admission);
      return problem;
    };
    try {
      giveAnswer(incoming, response, report);
    } catch (error) {
      incoming.destroy();
      const problem = report(error);
      sendProblem(response, problem.status, problem.message);
    }
  });
  outgoing.on('error', fail);
  outgoing.on('close', () => fail(new Error('no answer')));
  outgoing.end();
}
