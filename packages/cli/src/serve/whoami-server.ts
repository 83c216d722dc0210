/**
 * The whoami server: whoever connects is told what the kernel says about
 * them. The peer is asked about when the connection is accepted, before a byte
 * is parsed; a connection that cannot be asked about is closed, and no other.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import Negotiator from 'negotiator';
import { formatPeer, type PeerCredentials, peerCredentials, peerToJson } from 'sockcred';
import { summary } from '../peer-summary.ts';
import { jsonLine } from '../terminal.ts';
import type { Log } from './log.ts';

const TEXT = 'text/plain';
const JSON_TYPE = 'application/json';

/** Connections at the same time; more are closed at once. */
const MOST_CONNECTIONS = 1024;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function plain(status: number, text: string, headers?: Readonly<Record<string, string>>): Answer {
  return { status, type: TEXT, body: `${text}\n`, ...(headers === undefined ? {} : { headers }) };
}

/**
 * The path of a request target, or undefined where it has none. `//x` is a path,
 * which a URL resolved against a base would take for a host: RFC 9112, 3.2.
 */
function pathOf(target: string): string | undefined {
  if (target.startsWith('/')) return target.split('?', 1)[0];
  return URL.canParse(target) ? new URL(target).pathname : undefined;
}

function answer(request: IncomingMessage, peer: PeerCredentials): Answer {
  const path = pathOf(request.url ?? '');
  if (path === undefined) return plain(400, 'The request names no path.');
  if (path !== '/') return plain(404, 'There is nothing here; GET / tells who you are.');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return plain(405, 'Only GET and HEAD make sense here.', { allow: 'GET, HEAD' });
  }
  switch (new Negotiator(request).mediaType([TEXT, JSON_TYPE])) {
    case TEXT:
      return plain(200, `You are ${summary(peer)}.\n\n${formatPeer(peer)}`);
    case JSON_TYPE:
      return { status: 200, type: JSON_TYPE, body: `${jsonLine(peerToJson(peer))}\n` };
    default:
      return plain(406, `Only ${TEXT} and ${JSON_TYPE} are spoken here.`);
  }
}

function send(response: ServerResponse, { status, type, body, headers }: Answer): void {
  response.writeHead(status, {
    'content-type': type === TEXT ? `${TEXT}; charset=utf-8` : type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    vary: 'accept',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(body);
}

/** A server that is not listening yet. */
export function createWhoamiServer(log: Log): Server {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 5_000 });
  server.maxConnections = MOST_CONNECTIONS;
  // First in line: http parses what it reads in a later turn of the event loop.
  server.prependListener('connection', (socket: Socket) => {
    try {
      peerCredentials(socket, { side: 'accepted' });
    } catch (error) {
      log.refused(error);
      socket.destroy();
    }
  });
  server.on('request', (request, response) => {
    let peer: PeerCredentials;
    let reply: Answer;
    try {
      peer = peerCredentials(request, { side: 'accepted' });
      reply = answer(request, peer);
    } catch (error) {
      log.refused(error);
      request.socket.destroy();
      return;
    }
    send(response, reply);
    log.request(request.method ?? '', request.url ?? '', reply.status, peer);
  });
  return server;
}
