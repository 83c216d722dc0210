/**
 * What the servers of streams and of seqpacket sockets share: they listen,
 * accept, and give out connections that tell senders from the first byte on.
 */

import { EventEmitter } from 'node:events';
import { PeerError, PeerTypeError } from '../errors.ts';
import { Acceptor } from '../listening/acceptor.ts';
import { uncaught } from '../sys/uncaught.ts';
import { type AcceptOptions, fdLimit, prepareArrivals } from './arrival.ts';

/** The events of a server. */
export interface ServerEvents<Connection> {
  connection: [connection: Connection];
  /** A connection was lost, or accepting pauses because no descriptors are left: the server goes on. */
  drop: [error: Error];
  close: [];
}

/** What a server's connections are. */
export interface ConnectionKind<Connection, Options> {
  readonly seqpacket: boolean;
  /** Takes over a descriptor, which it closes where it throws. */
  adopt(fd: number, options: Options): Connection;
  close(connection: Connection): void;
}

/** @internal What a `UnixStreamServer` and a `UnixSeqpacketServer` are made of. */
export abstract class MessageServer<Connection, Options extends AcceptOptions> extends EventEmitter<
  ServerEvents<Connection>
> {
  readonly #kind: ConnectionKind<Connection, Options>;
  readonly #options: Options;
  readonly #mostFds: number;
  #acceptor: Acceptor | undefined;
  /** It begins to listen; a `close()` meanwhile ends that. */
  #opening: 'no' | 'yes' | 'closed' = 'no';

  protected constructor(kind: ConnectionKind<Connection, Options>, options: Options) {
    super();
    this.#kind = kind;
    this.#mostFds = fdLimit(options.acceptFds, false);
    this.#options = { ...options, acceptFds: this.#mostFds };
  }

  /** The path, absolute, or the abstract name as `@name`; undefined while it does not listen. */
  get path(): string | undefined {
    return this.#acceptor?.path;
  }

  /** See `listenAt()` for what it throws; and `ERR_PEER_CLOSED` if the server was closed meanwhile. */
  async listen(path: string): Promise<void> {
    if (this.#acceptor !== undefined || this.#opening !== 'no') {
      throw new PeerTypeError('ERR_ARGUMENT', 'the server listens already');
    }
    this.#opening = 'yes';
    try {
      const acceptor = await this.#open(path);
      if (this.#isClosed()) {
        acceptor.close();
        throw new PeerError('ERR_PEER_CLOSED', 'the server was closed before it listened', { scope: 'call' });
      }
      this.#acceptor = acceptor;
    } finally {
      this.#opening = 'no';
    }
  }

  #open(path: string): Promise<Acceptor> {
    const prepare = (fd: number) => prepareArrivals(fd, this.#options, this.#mostFds);
    return Acceptor.open(
      path,
      this.#options,
      { seqpacket: this.#kind.seqpacket, prepare },
      { accepted: fd => this.#accepted(fd), failed: error => this.#tell('drop', error) },
    );
  }

  #isClosed(): boolean {
    return this.#opening === 'closed';
  }

  #accepted(fd: number): void {
    let connection: Connection;
    try {
      connection = this.#kind.adopt(fd, this.#options);
    } catch (error) {
      this.#tell('drop', error as Error);
      return;
    }
    if (this.listenerCount('connection') === 0) this.#kind.close(connection);
    else this.#tell('connection', connection);
  }

  /** What a listener throws keeps nobody else from being accepted. */
  #tell(event: 'connection' | 'drop', about: Connection | Error): void {
    try {
      // The types of node:events do not follow an event map that has a parameter.
      (this as EventEmitter).emit(event, about);
    } catch (error) {
      uncaught(error);
    }
  }

  /** Whether listening keeps the program running; it does at first. */
  ref(): this {
    this.#acceptor?.hold(true);
    return this;
  }

  unref(): this {
    this.#acceptor?.hold(false);
    return this;
  }

  /** Stops listening and removes the socket file if it is still ours. Connections that exist stay. */
  close(): Promise<void> {
    const acceptor = this.#acceptor;
    this.#acceptor = undefined;
    if (this.#opening === 'yes') this.#opening = 'closed';
    acceptor?.close();
    if (acceptor !== undefined) queueMicrotask(() => (this as EventEmitter).emit('close'));
    return Promise.resolve();
  }
}
