/**
 * A listening socket of ours: what its connections will bring beside their
 * bytes is switched on before it has a name, so that nothing is missed.
 */

import { type BoundSocket, bindAt, checkArguments } from '../listening/socket-file.ts';
import { acceptSocket } from '../sys/message-socket.ts';
import { closeDescriptor } from '../sys/owned-fd.ts';
import { listeningSocket } from '../sys/unix-socket.ts';
import { type ArrivalOptions, prepareArrivals } from './arrival.ts';
import { Channel } from './channel.ts';
import { socketError } from './refusals.ts';

/** Who may connect, how many may wait, and what they may bring. */
export interface AcceptOptions extends ArrivalOptions {
  /** Permissions of the socket file: who may connect. Default: 0o600. */
  readonly mode?: number;
  /** Connections that may wait for accept(2). Default: 511. */
  readonly backlog?: number;
}

/** Connections of one wake-up; then others have their turn. */
const MOST_AT_ONCE = 64;
/** Without descriptors left, accepting is tried again after this long. */
const PAUSE_MS = 100;
const NO_DESCRIPTORS = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];

/** What becomes of connections, and of accepting. */
export interface AcceptorEvents {
  accepted(fd: number): void;
  failed(error: Error): void;
}

/** Accepts until it is closed. */
export class Acceptor {
  readonly #bound: BoundSocket;
  readonly #channel: Channel;
  readonly #events: AcceptorEvents;
  #pause: NodeJS.Timeout | undefined;

  /** Binds and listens: see `listenAt()` for what it throws. */
  static async open(
    path: string,
    options: AcceptOptions,
    mostFds: number,
    seqpacket: boolean,
    events: AcceptorEvents,
  ): Promise<Acceptor> {
    const mode = options.mode ?? 0o600;
    const backlog = options.backlog ?? 511;
    checkArguments(path, mode, backlog);
    const prepare = (fd: number): void => prepareArrivals(fd, options, mostFds);
    const bound = await bindAt(path, mode, name => listeningSocket(name, mode, backlog, prepare, seqpacket));
    try {
      bound.restoreMode();
      return new Acceptor(bound, events);
    } catch (error) {
      bound.remove();
      closeDescriptor(bound.fd);
      throw error;
    }
  }

  private constructor(bound: BoundSocket, events: AcceptorEvents) {
    this.#bound = bound;
    this.#events = events;
    this.#channel = new Channel(bound.fd, {
      readable: () => this.#accept(),
      writable: () => {},
      failed: error => events.failed(error),
    });
    this.#channel.wantRead();
  }

  get path(): string {
    return this.#bound.path;
  }

  hold(keepsRunning: boolean): void {
    this.#channel.hold(keepsRunning);
  }

  close(): void {
    clearTimeout(this.#pause);
    if (this.#channel.fd === -1) return;
    this.#bound.remove();
    this.#channel.close();
  }

  #accept(): void {
    for (let count = 0; count < MOST_AT_ONCE; count++) {
      if (this.#channel.fd === -1) return;
      const result = acceptSocket(this.#channel.fd);
      if ('fd' in result) {
        this.#events.accepted(result.fd);
        continue;
      }
      const { errno = '' } = result.refused;
      if (errno === 'EAGAIN') break;
      this.#events.failed(socketError(result.refused, 'cannot accept a connection', this.path));
      if (NO_DESCRIPTORS.includes(errno)) {
        this.#pause = setTimeout(() => this.#channel.wantRead(), PAUSE_MS);
        return;
      }
    }
    this.#channel.wantRead();
  }
}
