/** Datagrams on Unix sockets, in the manner of node:dgram, each with its sender. */

import { bindAt, checkArguments, nameOf } from '../listening/socket-file.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { DATAGRAM } from '../sys/message-arena.ts';
import { bindSocket, connectSocket, unboundSocket } from '../sys/message-socket.ts';
import { fdLimit, prepareArrivals } from './arrival.ts';
import { connectedPair } from './connecting.ts';
import type { PacketSending } from './packet-queue.ts';
import { type PacketOptions, PacketSocket } from './packet-socket.ts';
import { socketError } from './refusals.ts';

const NOTHING: PacketSending = Object.freeze({});

/** Options of a bound socket. */
export interface DatagramBindOptions extends PacketOptions {
  /** Permissions of the socket file: who may send. Default: 0o600. */
  readonly mode?: number;
}

/**
 * A Unix datagram socket. Made by {@link UnixDatagramSocket.bound} to receive,
 * by {@link UnixDatagramSocket.open} to send only.
 *
 * @remarks
 * Trust: the kernel, which on Linux lets a sender choose among its own ids, and a
 * privileged one claim any. Time: when the message was sent. Descriptors are not
 * accepted unless `acceptFds` says otherwise. A socket that only sends asks for
 * no credentials: the kernel would give it an abstract name of its own.
 *
 * @example
 * ```ts
 * import { UnixDatagramSocket } from 'sockcred/messages';
 *
 * const receiver = await UnixDatagramSocket.bound('@sockcred-datagram');
 * receiver.on('message', (data, { sender }) => {
 *   console.log(String(data), sender.pid === process.pid); // hello true
 *   receiver.close();
 * });
 * const sending = UnixDatagramSocket.open();
 * sending.send('hello', '@sockcred-datagram', () => sending.close());
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 */
export class UnixDatagramSocket extends PacketSocket {
  #remove: () => void;

  private constructor(fd: number, options: PacketOptions, mostFds: number, remove: () => void = () => {}) {
    super(DATAGRAM, fd, options, mostFds);
    this.#remove = remove;
  }

  /**
   * A socket that receives at a path, or under an abstract name (`@name`). The file of a dead
   * socket is replaced, and a live one is left alone.
   *
   * @throws {@link PeerTypeError} `ERR_ARGUMENT`
   * @throws {@link PeerError} as `listenAt()`
   */
  static async bound(path: string, options: DatagramBindOptions = {}): Promise<UnixDatagramSocket> {
    const mode = options.mode ?? 0o600;
    checkArguments(path, { mode }, 1);
    const mostFds = fdLimit(options.acceptFds, false);
    const bound = await bindAt(path, { mode }, name => {
      const socket = unboundSocket(DATAGRAM);
      if ('refused' in socket) return socket;
      try {
        prepareArrivals(socket.fd, options, mostFds);
      } catch (error) {
        closeDescriptor(socket.fd);
        throw error;
      }
      const outcome = bindSocket(socket.fd, name, mode);
      if (outcome.kind === 'answered') return socket;
      closeDescriptor(socket.fd);
      return { refused: outcome };
    });
    try {
      bound.completePermissions();
      const socket = new UnixDatagramSocket(bound.fd, options, mostFds, bound.remove);
      socket.startReceiving();
      return socket;
    } catch (error) {
      bound.remove();
      closeDescriptor(bound.fd);
      throw error;
    }
  }

  /** A socket without a name: it sends, and receives nothing. */
  static open(options: PacketOptions = {}): UnixDatagramSocket {
    const socket = unboundSocket(DATAGRAM);
    if ('refused' in socket) throw socketError(socket.refused, 'no socket');
    try {
      return new UnixDatagramSocket(socket.fd, options, 0);
    } catch (error) {
      closeDescriptor(socket.fd);
      throw error;
    }
  }

  /** Two sockets that are connected with each other. */
  static pair(options: PacketOptions = {}): [UnixDatagramSocket, UnixDatagramSocket] {
    const adopt = (fd: number) => UnixDatagramSocket.adopt(fd, options);
    return connectedPair(DATAGRAM, adopt, socket => socket.close());
  }

  /** Takes over the descriptor of a non-blocking datagram socket, that of socket activation for example. */
  static adopt(fd: number, options: PacketOptions = {}): UnixDatagramSocket {
    try {
      const mostFds = fdLimit(options.acceptFds, false);
      prepareArrivals(fd, options, mostFds);
      const socket = new UnixDatagramSocket(fd, options, mostFds);
      socket.startReceiving();
      return socket;
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  }

  /**
   * Sets whom `send()` sends to where it is not told.
   *
   * @throws {@link PeerError} `ERR_PEER_SYSTEM` with `errno` and `path`
   */
  connect(path: string): this {
    const { name, shown } = nameOf(path);
    const outcome = connectSocket(this.fd, name);
    if (outcome.kind !== 'answered') throw socketError(outcome, 'cannot connect', shown);
    return this;
  }

  /** Sends to a path or abstract name, or to whom the socket is connected with. */
  send(
    data: string | Uint8Array,
    to?: string,
    sending?: PacketSending | ((error: Error | null) => void),
    done?: (error: Error | null) => void,
  ): void {
    const callback = typeof sending === 'function' ? sending : done;
    const along = typeof sending === 'function' ? NOTHING : (sending ?? NOTHING);
    this.sendPacket(data, to === undefined ? undefined : nameOf(to), along, callback);
  }

  /**
   * Sends several messages with few system calls: how many there was room for.
   *
   * @throws {@link PeerError} where the first of them is refused.
   */
  sendMany(messages: readonly Uint8Array[], to?: string): number {
    return this.sendPackets(messages, to === undefined ? undefined : nameOf(to));
  }

  override close(): void {
    if (this.fd !== -1) this.#remove();
    super.close();
  }
}
