/** Connections of whole messages (SOCK_SEQPACKET), each message with its sender; and their server. */

import { EventEmitter } from 'node:events';
import { PeerTypeError } from '../errors.ts';
import { Acceptor } from '../listening/acceptor.ts';
import { nameOf } from '../listening/socket-file.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { SEQPACKET } from '../sys/message-arena.ts';
import { connectSocket, finishSending, preparedSocket, socketPair } from '../sys/message-socket.ts';
import { type AcceptOptions, fdLimit, prepareArrivals } from './arrival.ts';
import { type PacketOptions, type PacketSending, PacketSocket } from './packet-socket.ts';
import { socketError } from './refusals.ts';
import type { ServerEvents } from './unix-stream-server.ts';

/**
 * A connected seqpacket socket. The other end's finishing is `end`; then this
 * end still sends until it is closed.
 *
 * @remarks
 * Trust: the kernel, which lets a sender choose among its own ids, and a
 * privileged one claim any. Time: when the message was sent.
 *
 * @example
 * ```ts
 * import { UnixSeqpacketSocket } from 'sockcred/messages';
 *
 * const [ours, theirs] = UnixSeqpacketSocket.pair();
 * ours.on('message', (data, { sender }) => {
 *   console.log(data.length, sender.pid === process.pid); // 0 true
 *   ours.close();
 *   theirs.close();
 * });
 * theirs.send('');
 * ```
 */
export class UnixSeqpacketSocket extends PacketSocket {
  private constructor(fd: number, options: PacketOptions, mostFds: number) {
    super(SEQPACKET, fd, options, mostFds);
  }

  /**
   * Connects to whoever listens at a path, or under an abstract name (`@name`).
   *
   * @throws {@link PeerError} `ERR_PEER_SYSTEM` with `errno` and `path`, `ERR_PEER_UNSUPPORTED`
   */
  static connect(path: string, options: PacketOptions = {}): UnixSeqpacketSocket {
    const { name, shown } = nameOf(path);
    const socket = preparedSocket(SEQPACKET, fd => {
      const outcome = connectSocket(fd, name);
      if (outcome.kind !== 'answered') throw socketError(outcome, 'cannot connect', shown);
    });
    if ('refused' in socket) throw socketError(socket.refused, 'no socket', shown);
    return UnixSeqpacketSocket.adopt(socket.fd, options);
  }

  /** Two sockets that are connected with each other. */
  static pair(options: PacketOptions = {}): [UnixSeqpacketSocket, UnixSeqpacketSocket] {
    const pair = socketPair(SEQPACKET);
    if (!('fds' in pair))
      throw socketError('refused' in pair ? pair.refused : { kind: 'refused' }, 'no pair');
    return [UnixSeqpacketSocket.adopt(pair.fds[0], options), UnixSeqpacketSocket.adopt(pair.fds[1], options)];
  }

  /** Takes over the descriptor of a connected, non-blocking seqpacket socket. */
  static adopt(fd: number, options: PacketOptions = {}): UnixSeqpacketSocket {
    try {
      const mostFds = fdLimit(options.acceptFds, true);
      prepareArrivals(fd, options, mostFds);
      const socket = new UnixSeqpacketSocket(fd, options, mostFds);
      socket.startReceiving();
      return socket;
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  }

  send(
    data: string | Uint8Array,
    sending?: PacketSending | ((error: Error | null) => void),
    done?: (error: Error | null) => void,
  ): void {
    const callback = typeof sending === 'function' ? sending : done;
    this.sendPacket(data, undefined, typeof sending === 'function' ? {} : (sending ?? {}), callback);
  }

  /**
   * Sends several messages with few system calls: how many there was room for.
   *
   * @throws {@link PeerError} where the first of them is refused.
   */
  sendMany(messages: readonly Uint8Array[]): number {
    return this.sendPackets(messages, undefined);
  }

  /** Nothing more will be sent: the other end is told. */
  end(): void {
    if (this.fd !== -1) finishSending(this.fd);
  }
}

/** Of the server and of its connections; file descriptors are refused unless `acceptFds` says otherwise. */
export type UnixSeqpacketServerOptions = AcceptOptions & PacketOptions;

/**
 * Listens at a path and gives a `UnixSeqpacketSocket` for every connection.
 *
 * @example
 * ```ts
 * import { UnixSeqpacketServer, UnixSeqpacketSocket } from 'sockcred/messages';
 *
 * const server = new UnixSeqpacketServer();
 * server.on('connection', socket => {
 *   socket.on('message', data => console.log(String(data))); // prints: whole
 *   socket.on('end', () => socket.close());
 *   server.close();
 * });
 * await server.listen('@sockcred-seqpacket');
 * const client = UnixSeqpacketSocket.connect('@sockcred-seqpacket');
 * client.send('whole', () => client.close());
 * ```
 */
export class UnixSeqpacketServer extends EventEmitter<ServerEvents<UnixSeqpacketSocket>> {
  readonly #options: UnixSeqpacketServerOptions;
  readonly #mostFds: number;
  #acceptor: Acceptor | undefined;

  constructor(options: UnixSeqpacketServerOptions = {}) {
    super();
    this.#options = options;
    this.#mostFds = fdLimit(options.acceptFds, false);
  }

  /** See `listenAt()` for what it throws. */
  async listen(path: string): Promise<void> {
    if (this.#acceptor !== undefined) throw new PeerTypeError('ERR_ARGUMENT', 'the server listens already');
    const prepare = (fd: number) => prepareArrivals(fd, this.#options, this.#mostFds);
    this.#acceptor = await Acceptor.open(
      path,
      this.#options,
      { seqpacket: true, prepare },
      {
        accepted: fd => this.#accepted(fd),
        failed: error => this.emit('drop', error),
      },
    );
  }

  #accepted(fd: number): void {
    let socket: UnixSeqpacketSocket;
    try {
      socket = UnixSeqpacketSocket.adopt(fd, { ...this.#options, acceptFds: this.#mostFds });
    } catch (error) {
      this.emit('drop', error as Error);
      return;
    }
    if (this.listenerCount('connection') === 0) socket.close();
    else this.emit('connection', socket);
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
