/**
 * A stream each of whose chunks has a sender: bytes of different senders are
 * never joined, because the kernel does not receive beyond a change of sender
 * while it passes credentials, and no two chunks are put together here.
 */

import { Duplex } from 'node:stream';
import { PeerError, PeerTypeError } from '../errors.ts';
import { Channel } from '../sys/channel.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { messageAt, receive, STREAM } from '../sys/message-arena.ts';
import { finishSending } from '../sys/message-socket.ts';
import { uncaught } from '../sys/uncaught.ts';
import {
  type Arrival,
  type ArrivalOptions,
  arrivalOf,
  closeArrival,
  currentView,
  fdLimit,
  prepareArrivals,
} from './arrival.ts';
import { connectedPair, connectedTo } from './connecting.ts';
import { isByPeer, receiveError } from './refusals.ts';
import { type Along, StreamSending, type WriteDone } from './stream-sending.ts';

/** Bytes of one sender, and what came beside them. */
export interface StreamMessage extends Arrival {
  readonly data: Buffer;
}

/** What a stream asks the kernel for, and how much it keeps. */
export interface UnixStreamOptions extends ArrivalOptions {
  /** Whether our end stays open for writing after the other end has finished. Default: false. */
  readonly allowHalfOpen?: boolean;
  /** Chunks, of up to 64 KiB, that are read ahead. Default: 4. */
  readonly readableHighWaterMark?: number;
  /** Bytes that wait to be sent before `write()` asks to wait. Default: 64 KiB. */
  readonly writableHighWaterMark?: number;
}

/** Chunks of one wake-up: more would overtake what the reader wants. */
const MOST_AT_ONCE = 4;

const made = Symbol('made');

/**
 * A connected Unix stream socket whose readable side gives objects: `data`,
 * the `sender` of those bytes, and what came beside them. Written to like any
 * other stream.
 *
 * @remarks
 * Trust: the kernel, which on Linux lets a sender choose among its own ids, and a
 * privileged one claim any. Time: when the bytes were sent. What a server
 * sends to a connecting stream in the instant before that asks for
 * credentials has no sender recorded. Outside Linux only the byte has a sender
 * that credentials came with. What the other end brings about, a reset
 * for example, is an `error` for those who listen; it closes the stream in any
 * case, and ends no program that does not listen.
 *
 * @example
 * ```ts
 * import { UnixStream, UnixStreamServer } from 'sockcred/messages';
 *
 * const server = new UnixStreamServer();
 * await server.listen('@sockcred-unix-stream');
 * server.on('connection', async stream => {
 *   for await (const { data, sender } of stream) {
 *     console.log(String(data), sender.pid === process.pid); // hello true
 *   }
 *   await server.close();
 * });
 * UnixStream.connect('@sockcred-unix-stream').end('hello');
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html SCM_CREDENTIALS
 */
export class UnixStream extends Duplex {
  readonly #channel: Channel;
  readonly #mostFds: number;
  readonly #sending: StreamSending;

  /** @internal Use `connect()`, `pair()`, `adopt()` or a `UnixStreamServer`. */
  constructor(key: symbol, fd: number, options: UnixStreamOptions, mostFds: number) {
    super({
      readableObjectMode: true,
      readableHighWaterMark: options.readableHighWaterMark ?? MOST_AT_ONCE,
      writableHighWaterMark: options.writableHighWaterMark ?? 0x10000,
      allowHalfOpen: options.allowHalfOpen ?? false,
      autoDestroy: true,
    });
    if (key !== made) throw new PeerTypeError('ERR_ARGUMENT', 'a UnixStream is not made with new');
    this.#mostFds = mostFds;
    this.#channel = new Channel(fd, {
      readable: () => this.#receive(),
      writable: () => this.#sending.proceed(),
      failed: error => this.destroy(error),
    });
    this.#sending = new StreamSending(this.#channel);
  }

  /**
   * Connects to whoever listens at a path, or under an abstract name (`@name`).
   *
   * @throws {@link PeerError} `ERR_PEER_SYSTEM` with `errno` and `path`, `ERR_PEER_UNSUPPORTED`
   */
  static connect(path: string, options: UnixStreamOptions = {}): UnixStream {
    return UnixStream.adopt(connectedTo(STREAM, path), options);
  }

  /** Two streams that are connected with each other. */
  static pair(options: UnixStreamOptions = {}): [UnixStream, UnixStream] {
    const adopt = (fd: number) => UnixStream.adopt(fd, options);
    return connectedPair(STREAM, adopt, stream => stream.destroy());
  }

  /**
   * Takes over the descriptor of a connected, non-blocking stream socket that nothing else reads
   * or writes. What was sent before that may have no sender recorded.
   */
  static adopt(fd: number, options: UnixStreamOptions = {}): UnixStream {
    try {
      const mostFds = fdLimit(options.acceptFds, true);
      prepareArrivals(fd, options, mostFds);
      return new UnixStream(made, fd, options, mostFds);
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  }

  /** For asking who is at the other end: `peerCredentials(stream.fd)`. -1 once the stream is closed. */
  get fd(): number {
    return this.#channel.fd;
  }

  /** Sends bytes, at least one, and what goes along with the first of them; as `write()` otherwise. */
  send(data: string | Uint8Array, along: Along = {}, done?: WriteDone): boolean {
    const bytes = Buffer.from(data);
    if (bytes.length === 0) {
      throw new PeerTypeError('ERR_ARGUMENT', 'on a stream nothing goes along without a byte');
    }
    // Otherwise write() says what is wrong, and nothing is held for it.
    if (this.writable) this.#sending.mark(bytes, along);
    return this.write(bytes, done);
  }

  /** Whether this stream keeps the program running; it does at first. */
  ref(): this {
    this.#channel.hold(true);
    return this;
  }

  unref(): this {
    this.#channel.hold(false);
    return this;
  }

  override [Symbol.asyncIterator](): NodeJS.AsyncIterator<StreamMessage> {
    return super[Symbol.asyncIterator]();
  }

  override _read(): void {
    this.#channel.wantRead();
  }

  #receive(): void {
    const result = receive(this.fd, STREAM, { most: MOST_AT_ONCE, mostFds: this.#mostFds });
    if (typeof result !== 'number') {
      if (result.errno === 'EAGAIN') this.#channel.wantRead();
      else this.destroy(receiveError(result));
      return;
    }
    const around = currentView();
    const messages: (StreamMessage | null)[] = [];
    // All of it is read before anything is given out: whoever gets it may receive himself.
    for (let index = 0; index < result; index++) {
      const raw = messageAt(index);
      messages.push(raw.end ? null : { data: raw.bytes, ...arrivalOf(raw, around) });
    }
    for (const message of messages) {
      if (this.destroyed && message !== null) closeArrival(message);
      else this.#give(message);
    }
  }

  /** What a listener throws about one chunk keeps no other from being given out. */
  #give(message: StreamMessage | null): void {
    try {
      this.push(message);
    } catch (error) {
      uncaught(error);
      // The stream was left before it asked for more.
      this.read(0);
    }
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    this.#sending.write([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: WriteDone): void {
    this.#sending.write(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: WriteDone): void {
    finishSending(this.fd);
    done();
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    // Nobody is given what is still here.
    this.removeAllListeners('data');
    for (let left = this.read(); left !== null; left = this.read()) closeArrival(left as StreamMessage);
    this.#channel.close();
    this.#sending.abandon(
      error ??
        new PeerError('ERR_PEER_CLOSED', 'the stream was closed before this was sent', { scope: 'call' }),
    );
    // As an event it would end a program that does not listen for it, whenever the other side likes.
    done(isByPeer(error) && this.listenerCount('error') === 0 ? null : error);
  }
}
