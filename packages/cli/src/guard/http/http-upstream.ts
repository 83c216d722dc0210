/**
 * The way from one client connection to the server behind: one connection at a
 * time, made when it is needed and kept for the client's next request. Never
 * shared, so that no request of one peer can get mixed up with another's, nor
 * run under another's ids where the connection is made by them.
 */

import { Agent } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { PeerError } from 'sockcred';
import { forwardedHeaders } from 'sockcred/forwarding';
import type { Admission } from 'sockcred/gate';
import { connectUpstream, type Upstream } from 'sockcred/relay';
import type { Verify } from '../services/upstream-owner.ts';

/** Makes a connection to the server behind, for a peer that was let in. The signal says that nobody wants it any more. */
export type Connect = (admission: Admission, signal: AbortSignal) => Promise<Socket>;

/** How a connection to the server behind is made. */
export interface SocketToOptions {
  /** Makes it under the peer's own ids. */
  readonly asPeer?: boolean;
  readonly verify?: Verify | undefined;
  readonly timeoutMs?: number;
}

/** Connects to where the server behind listens. */
export function socketTo(to: Upstream, { asPeer, verify, timeoutMs }: SocketToOptions = {}): Connect {
  return async ({ peer }, signal) => {
    const fd = await connectUpstream(to, {
      signal,
      ...(asPeer === true ? { as: peer } : {}),
      ...(verify === undefined ? {} : { verify }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    return new Socket({ fd, allowHalfOpen: true, readable: true, writable: true });
  };
}

/** Did the server behind take too long? Else it is not there, or broke off. */
export function isLate(error: unknown): boolean {
  return error instanceof PeerError && (error.errno === 'ETIMEDOUT' || error.errno === 'EAGAIN');
}

type Created = (error: Error | null, socket?: Duplex) => void;

/** Makes each connection by a function that takes its time. */
class ConnectingAgent extends Agent {
  readonly #connect: () => Promise<Socket>;

  constructor(connect: () => Promise<Socket>) {
    super({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 });
    this.#connect = connect;
  }

  override createConnection(_options: unknown, created: Created): undefined {
    this.#connect().then(
      socket => created(null, socket),
      error => created(error instanceof Error ? error : new Error('no connection')),
    );
  }
}

/** What is kept of one client connection. */
export class UpstreamConnection {
  readonly admission: Admission;
  readonly agent: Agent;
  /** What the guard says to the server behind, names and values in turn. */
  readonly headers: readonly string[];
  /** Requests that are not answered yet. */
  underway = 0;
  readonly #gone = new AbortController();
  /** Requests that were sent ahead; each begins when the one before it has given its connection back. */
  readonly #waiting: (() => void)[] = [];
  #busy = false;

  constructor(admission: Admission, connect: Connect, simpleHeaders: boolean) {
    this.admission = admission;
    const { peer, decision } = admission;
    this.headers = forwardedHeaders(peer, { roles: decision.roles, simple: simpleHeaders }).flat();
    this.agent = new ConnectingAgent(async () => {
      const { signal } = this.#gone;
      signal.throwIfAborted();
      const socket = await connect(admission, signal);
      if (!signal.aborted) return socket;
      socket.destroy();
      throw signal.reason;
    });
  }

  /** Has the client gone? Nobody is left who could be told of anything. */
  get isOver(): boolean {
    return this.#gone.signal.aborted;
  }

  /** Begins a request, or keeps it until its turn has come; `next()` has to be called when it has ended. */
  inTurn(begin: () => void): void {
    if (this.#busy) this.#waiting.push(begin);
    else {
      this.#busy = true;
      begin();
    }
  }

  /** The request under way has ended. Its connection is free in the next turn only. */
  next(): void {
    process.nextTick(() => {
      const begin = this.#waiting.shift();
      if (begin === undefined) this.#busy = false;
      else begin();
    });
  }

  /** The client has gone. */
  end(): void {
    this.#waiting.length = 0;
    this.#gone.abort();
    this.agent.destroy();
  }
}
