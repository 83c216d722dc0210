/**
 * Accepts from a listening socket of ours, which no object of the runtime
 * holds: connections are bare descriptors, and where none are left, those
 * that come wait in the backlog until there are.
 */

import type { PeerError } from '../errors.ts';
import { Channel } from '../sys/channel.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { acceptSocket } from '../sys/message-socket.ts';
import { listeningSocket } from '../sys/unix-socket.ts';
import type { ListenOptions } from './listen-at.ts';
import { failure } from './listen-failure.ts';
import { bindAt, checkArguments } from './socket-file.ts';

/** The socket, and what closing it takes besides. */
export interface AcceptingSocket {
  readonly fd: number;
  /** Its name, for messages. */
  readonly path: string;
  /** Removes what shows the socket to others. */
  remove(): void;
}

/** What becomes of connections, and of accepting. */
export interface AcceptorEvents {
  /** Somebody else's descriptor from here on. */
  accepted(fd: number): void;
  /** A connection was lost, or accepting pauses for a moment and goes on; but it is over if the socket was shut down. */
  failed(error: PeerError): void;
}

/** What a socket is, besides a stream that listens. */
export interface AcceptingKind {
  readonly seqpacket?: boolean;
  /** Readies it before it has a name. */
  readonly prepare?: (fd: number) => void;
}

/** Connections of one wake-up; then others have their turn. */
const MOST_AT_ONCE = 64;
/** Without descriptors left, accepting is tried again after this long. */
const PAUSE_MS = 100;
const NO_DESCRIPTORS = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];

/** Accepts until it is closed, and closes the socket then. */
export class Acceptor {
  readonly #socket: AcceptingSocket;
  readonly #channel: Channel;
  readonly #events: AcceptorEvents;
  #pause: NodeJS.Timeout | undefined;

  /** Binds and listens: see `listenAt()` for what it throws. */
  static async open(
    path: string,
    options: ListenOptions | undefined,
    { seqpacket, prepare }: AcceptingKind,
    events: AcceptorEvents,
  ): Promise<Acceptor> {
    const { mode = 0o600, group, backlog = 511 } = options ?? {};
    const permissions = { mode, group };
    checkArguments(path, permissions, backlog);
    const bound = await bindAt(path, permissions, (name, firstMode) =>
      listeningSocket(name, firstMode, backlog, prepare, seqpacket),
    );
    try {
      bound.completePermissions();
      return new Acceptor(bound, events);
    } catch (error) {
      bound.remove();
      closeDescriptor(bound.fd);
      throw error;
    }
  }

  /**
   * The socket is the acceptor's only if this does not throw.
   *
   * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED`, `ERR_PEER_SYSTEM`
   */
  constructor(socket: AcceptingSocket, events: AcceptorEvents) {
    let failure: Error | undefined;
    let isOpen = false;
    this.#socket = socket;
    this.#events = events;
    this.#channel = new Channel(socket.fd, {
      readable: hungUp => this.#accept(hungUp),
      writable: () => {},
      failed: error => {
        failure = error;
        if (isOpen) events.failed(error as PeerError);
      },
    });
    this.#channel.wantRead();
    if (failure !== undefined) throw failure;
    isOpen = true;
  }

  /** The path, absolute, or the abstract name as `@name`. */
  get path(): string {
    return this.#socket.path;
  }

  hold(keepsRunning: boolean): void {
    this.#channel.hold(keepsRunning);
  }

  close(): void {
    clearTimeout(this.#pause);
    if (this.#channel.fd === -1) return;
    this.#socket.remove();
    this.#channel.close();
  }

  #accept(hungUp: boolean): void {
    try {
      this.#acceptSome();
    } finally {
      // Whoever has the socket too can shut it down: then it is reported for ever, and nobody gets to it any more.
      if (hungUp) this.#wasShutDown();
      else if (this.#pause === undefined) this.#channel.wantRead();
    }
  }

  #wasShutDown(): void {
    if (this.#channel.fd === -1) return;
    const what = 'nobody can connect any more: somebody who has the socket as well has shut it down';
    this.#events.failed(failure('ERR_PEER_SYSTEM', this.path, what, 'ESHUTDOWN'));
  }

  #acceptSome(): void {
    for (let count = 0; count < MOST_AT_ONCE; count++) {
      if (this.#channel.fd === -1) return;
      const result = acceptSocket(this.#channel.fd);
      if ('fd' in result) {
        this.#events.accepted(result.fd);
        continue;
      }
      const errno = result.refused.errno ?? result.refused.kind;
      if (errno === 'EAGAIN') return;
      this.#events.failed(failure('ERR_PEER_SYSTEM', this.path, 'cannot accept a connection', errno));
      if (NO_DESCRIPTORS.includes(errno)) {
        this.#pause = setTimeout(() => this.#resume(), PAUSE_MS);
        return;
      }
    }
  }

  #resume(): void {
    this.#pause = undefined;
    this.#channel.wantRead();
  }
}
