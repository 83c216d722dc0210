/** A server whose connections are `UnixStream`s: every byte of theirs has a sender from the first one on. */

import { EventEmitter } from 'node:events';
import { PeerTypeError } from '../errors.ts';
import { Acceptor } from '../listening/acceptor.ts';
import { type AcceptOptions, fdLimit, prepareArrivals } from './arrival.ts';
import { UnixStream, type UnixStreamOptions } from './unix-stream.ts';

/** Of the server and of its connections; file descriptors are refused unless `acceptFds` says otherwise. */
export type UnixStreamServerOptions = AcceptOptions & UnixStreamOptions;

/** The events of a server. */
export interface ServerEvents<Connection> {
  connection: [connection: Connection];
  /** A connection was lost, or accepting pauses because no descriptors are left: the server goes on. */
  drop: [error: Error];
  close: [];
}

/**
 * Listens at a path and gives a `UnixStream` for every connection.
 *
 * @remarks
 * Credentials are asked for before the socket has a name, so whatever is sent
 * has its sender recorded. File descriptors are not accepted by default.
 *
 * @example
 * ```ts
 * import { UnixStreamServer } from 'sockcred/messages';
 *
 * const server = new UnixStreamServer({ mode: 0o666 });
 * server.on('connection', stream => stream.destroy());
 * await server.listen('@sockcred-stream-server');
 * await server.close();
 * ```
 */
export class UnixStreamServer extends EventEmitter<ServerEvents<UnixStream>> {
  readonly #options: UnixStreamServerOptions;
  readonly #mostFds: number;
  #acceptor: Acceptor | undefined;

  constructor(options: UnixStreamServerOptions = {}) {
    super();
    this.#options = options;
    this.#mostFds = fdLimit(options.acceptFds, false);
  }

  /** The path, absolute, or the abstract name as `@name`; undefined while it does not listen. */
  get path(): string | undefined {
    return this.#acceptor?.path;
  }

  /** See `listenAt()` for what it throws. */
  async listen(path: string): Promise<void> {
    if (this.#acceptor !== undefined) throw new PeerTypeError('ERR_ARGUMENT', 'the server listens already');
    const prepare = (fd: number) => prepareArrivals(fd, this.#options, this.#mostFds);
    this.#acceptor = await Acceptor.open(
      path,
      this.#options,
      { prepare },
      {
        accepted: fd => this.#accepted(fd),
        failed: error => this.emit('drop', error),
      },
    );
  }

  #accepted(fd: number): void {
    let stream: UnixStream;
    try {
      stream = UnixStream.adopt(fd, { ...this.#options, acceptFds: this.#mostFds });
    } catch (error) {
      this.emit('drop', error as Error);
      return;
    }
    if (this.listenerCount('connection') === 0) stream.destroy();
    else this.emit('connection', stream);
  }

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
    acceptor?.close();
    if (acceptor !== undefined) queueMicrotask(() => this.emit('close'));
    return Promise.resolve();
  }
}
