/** Connections of whole messages (SOCK_SEQPACKET), each message with its sender; and their server. */

import { closeDescriptor } from '../sys/descriptor.ts';
import { SEQPACKET } from '../sys/message-arena.ts';
import { finishSending } from '../sys/message-socket.ts';
import { type AcceptOptions, fdLimit, prepareArrivals } from './arrival.ts';
import { connectedPair, connectedTo } from './connecting.ts';
import { type ConnectionKind, MessageServer } from './message-server.ts';
import type { PacketSending } from './packet-queue.ts';
import { type PacketOptions, PacketSocket } from './packet-socket.ts';

/**
 * A connected seqpacket socket. The other end's finishing is `end`; then this
 * end still sends until it is closed.
 *
 * @remarks
 * Trust: the kernel, which on Linux lets a sender choose among its own ids, and a
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
    return UnixSeqpacketSocket.adopt(connectedTo(SEQPACKET, path), options);
  }

  /** Two sockets that are connected with each other. */
  static pair(options: PacketOptions = {}): [UnixSeqpacketSocket, UnixSeqpacketSocket] {
    const adopt = (fd: number) => UnixSeqpacketSocket.adopt(fd, options);
    return connectedPair(SEQPACKET, adopt, socket => socket.close());
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

const PACKETS: ConnectionKind<UnixSeqpacketSocket, UnixSeqpacketServerOptions> = {
  seqpacket: true,
  adopt: (fd, options) => UnixSeqpacketSocket.adopt(fd, options),
  close: socket => socket.close(),
};

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
export class UnixSeqpacketServer extends MessageServer<UnixSeqpacketSocket, UnixSeqpacketServerOptions> {
  constructor(options: UnixSeqpacketServerOptions = {}) {
    super(PACKETS, options);
  }
}
