/**
 * How long may a request take to arrive? For HTTP servers that have timeouts
 * and do not look after sockets that they are handed: the same three, with the
 * same answer (408) and the same event ('clientError') as in Node. Told by what
 * such a server says of requests, and by how much was read.
 */

import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What is known of one connection; times in ms. */
interface Watched {
  /** When the message that is arriving began; undefined between messages. */
  began: number | undefined;
  /** Its request, once its headers are complete. */
  request: IncomingMessage | undefined;
  /** To the last request. */
  response: ServerResponse | undefined;
  /** Requests without a full response. */
  unanswered: number;
  /** Bytes that had been read when the last message had arrived. */
  read: number;
  /** Since when nothing at all is under way. */
  idle: number | undefined;
}

/** Events with a request that is to be answered. */
const TO_ANSWER = ['request', 'checkContinue', 'checkExpectation'];
/** Events after which a socket speaks something else. */
const TO_ANOTHER = ['upgrade', 'connect'];
/** Checked at least this often, since the end of a quiet keep-alive is due after seconds. */
const MOST_BETWEEN_MS = 1000;
const RESPONSE = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';

type Emit = HttpServer['emit'];

/** Node's error for it. */
function timedOut(): Error {
  return Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
}

/**
 * A message has arrived. What has been read of another one by now is not noticed: such a connection may last
 * as long as a quiet one.
 */
function between(socket: Socket, watched: Watched): void {
  watched.request = undefined;
  watched.began = undefined;
  watched.read = socket.bytesRead;
}

/** Looks after the sockets of one server. */
export class HttpDeadlines {
  readonly #server: HttpServer;
  readonly #sockets = new Map<Socket, Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(server: HttpServer) {
    this.#server = server;
    const emit: Emit = server.emit;
    const hear = (event: string | symbol, args: readonly unknown[]) => this.#hear(event, args);
    // Not a listener: one of 'checkContinue' or 'upgrade' would change what the server does.
    server.emit = function (this: HttpServer, event: string | symbol, ...args: unknown[]): boolean {
      hear(event, args);
      return Reflect.apply(emit, this, [event, ...args]);
    } as Emit;
  }

  /** To be called before the server is given the socket. */
  watch(socket: Socket): void {
    const began = performance.now();
    const nothing = { request: undefined, response: undefined, unanswered: 0, read: 0, idle: undefined };
    this.#sockets.set(socket, { began, ...nothing });
    socket.on('close', () => this.#sockets.delete(socket));
  }

  begin(): void {
    const { connectionsCheckingInterval } = this.#server as { connectionsCheckingInterval?: number };
    const between = Math.min(connectionsCheckingInterval ?? MOST_BETWEEN_MS, MOST_BETWEEN_MS);
    this.#timer = setInterval(() => this.#check(performance.now()), between);
    this.#timer.unref();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #hear(event: string | symbol, [request, response]: readonly unknown[]): void {
    if (typeof event !== 'string') return;
    if (TO_ANOTHER.includes(event)) this.#sockets.delete((request as IncomingMessage).socket);
    if (TO_ANSWER.includes(event)) this.#arrived(request as IncomingMessage, response as ServerResponse);
  }

  #arrived(request: IncomingMessage, response: ServerResponse): void {
    const watched = this.#sockets.get(request.socket);
    if (watched === undefined || watched.request === request) return;
    if (watched.request !== undefined || watched.began === undefined) watched.began = performance.now();
    watched.request = request;
    watched.response = response;
    watched.idle = undefined;
    watched.unanswered++;
    response.once('close', () => {
      watched.unanswered--;
      if (watched.request === request && request.complete) between(request.socket, watched);
    });
  }

  #check(now: number): void {
    for (const [socket, watched] of this.#sockets) {
      this.#advance(socket, watched, now);
      if (this.#isLate(watched, now)) this.#refuse(socket, watched);
      else if (this.#isIdleTooLong(watched, now)) socket.destroy();
    }
  }

  /** What has become of the message that was arriving, and has another one begun? */
  #advance(socket: Socket, watched: Watched, now: number): void {
    if (watched.request?.complete === true) between(socket, watched);
    else if (watched.began === undefined && socket.bytesRead > watched.read) watched.began = now;
    const isQuiet = watched.began === undefined && watched.unanswered === 0;
    watched.idle = isQuiet ? (watched.idle ?? now) : undefined;
  }

  #isLate({ began, request }: Watched, now: number): boolean {
    if (began === undefined) return false;
    const { headersTimeout, requestTimeout } = this.#server;
    const passed = now - began;
    if (request === undefined && headersTimeout > 0 && passed > headersTimeout) return true;
    return requestTimeout > 0 && passed > requestTimeout;
  }

  #isIdleTooLong({ idle }: Watched, now: number): boolean {
    const { keepAliveTimeout } = this.#server;
    if (idle === undefined || keepAliveTimeout === 0) return false;
    const { keepAliveTimeoutBuffer = 1000 } = this.#server as { keepAliveTimeoutBuffer?: number };
    return now - idle > keepAliveTimeout + keepAliveTimeoutBuffer;
  }

  #refuse(socket: Socket, { response, unanswered }: Watched): void {
    this.#sockets.delete(socket);
    const error = timedOut();
    if (this.#server.emit('clientError', error, socket)) return;
    // In the middle of a response nothing else can be said.
    const isSilent = unanswered === 0 || (unanswered === 1 && response?.headersSent === false);
    if (isSilent && socket.writable) socket.write(RESPONSE);
    socket.destroy(error);
  }
}
