/**
 * A stream each of whose chunks has a sender: bytes of different senders are
 * never joined, because the kernel does not receive beyond a change of sender
 * while it passes credentials, and no two chunks are put together here.
 */

import { Duplex } from 'node:stream';
import { PeerError, PeerTypeError } from '../errors.ts';
import { nameOf } from '../listening/socket-file.ts';
import { Channel } from '../sys/channel.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { messageAt, receive, STREAM } from '../sys/message-arena.ts';
import {
  type ClaimedIds,
  connectSocket,
  duplicateSocket,
  finishSending,
  preparedSocket,
  send,
  socketPair,
} from '../sys/message-socket.ts';
import {
  type Arrival,
  type ArrivalOptions,
  arrivalOf,
  closeArrival,
  currentView,
  fdLimit,
  prepareArrivals,
} from './arrival.ts';
import { receiveError, sendError, socketError } from './refusals.ts';

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

/** What goes along with the first byte of what is sent. */
export interface Along {
  /** Descriptors to send; they are duplicated at once and stay the caller's. */
  readonly fds?: readonly number[];
  /** Ids to name instead of those that the kernel stamps. */
  readonly credentials?: ClaimedIds;
}

type WriteDone = (error?: Error | null) => void;

interface Sending {
  bytes: Uint8Array;
  along: Along | undefined;
  readonly done: WriteDone;
}

/** Chunks of one wake-up: more would overtake what the reader wants. */
const MOST_AT_ONCE = 4;

const made = Symbol('made');

/** `prepare` must not come before connect(2): the kernel would give the socket an abstract name. */
function connected(path: string): number {
  const { name, shown } = nameOf(path);
  const socket = preparedSocket(STREAM, fd => {
    const outcome = connectSocket(fd, name);
    if (outcome.kind !== 'answered') throw socketError(outcome, 'cannot connect', shown);
  });
  if ('refused' in socket) throw socketError(socket.refused, 'no socket', shown);
  return socket.fd;
}

/**
 * A connected Unix stream socket whose readable side gives objects: `data`,
 * the `sender` of those bytes, and what came beside them. Written to like any
 * other stream.
 *
 * @remarks
 * Trust: the kernel, which lets a sender choose among its own ids, and a
 * privileged one claim any. Time: when the bytes were sent. What a server
 * sends to a connecting stream in the instant before that asks for
 * credentials has no sender recorded.
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
  readonly #along = new WeakMap<Uint8Array, Along>();
  #sending: Sending | undefined;

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
      writable: () => this.#continue(),
      failed: error => this.destroy(error),
    });
  }

  /**
   * Connects to whoever listens at a path, or under an abstract name (`@name`).
   *
   * @throws {@link PeerError} `ERR_PEER_SYSTEM` with `errno` and `path`, `ERR_PEER_UNSUPPORTED`
   */
  static connect(path: string, options: UnixStreamOptions = {}): UnixStream {
    return UnixStream.adopt(connected(path), options);
  }

  /** Two streams that are connected with each other. */
  static pair(options: UnixStreamOptions = {}): [UnixStream, UnixStream] {
    const pair = socketPair(STREAM);
    if (!('fds' in pair))
      throw socketError('refused' in pair ? pair.refused : { kind: 'refused' }, 'no pair');
    const [one, other] = pair.fds;
    try {
      return [UnixStream.adopt(one, options), UnixStream.adopt(other, options)];
    } catch (error) {
      closeDescriptor(other);
      throw error;
    }
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
    this.#along.set(bytes, { ...along, fds: duplicates(along.fds ?? []) });
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
      else this.push(message);
    }
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    this.#sending = { bytes: chunk, along: this.#along.get(chunk), done };
    this.#continue();
  }

  override _writev(chunks: { chunk: Buffer }[], done: WriteDone): void {
    this.#writeAll(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  /** What nothing goes along with is sent in one piece. */
  #writeAll(chunks: readonly Buffer[], done: WriteDone): void {
    const [first] = chunks;
    if (first === undefined) {
      done(null);
      return;
    }
    const marked = chunks.findIndex(chunk => this.#along.has(chunk));
    const plain = marked === -1 ? chunks.length : marked;
    const bytes = plain > 1 ? Buffer.concat(chunks.slice(0, plain)) : first;
    this._write(bytes, 'buffer' as BufferEncoding, error => {
      if (error != null) done(error);
      else this.#writeAll(chunks.slice(Math.max(plain, 1)), done);
    });
  }

  #continue(): void {
    const sending = this.#sending;
    if (sending === undefined) return;
    while (sending.bytes.length > 0) {
      const { along } = sending;
      const { fds, credentials: claim } = along ?? {};
      const result = send(this.fd, sending.bytes, { ...(fds && { fds }), ...(claim && { claim }) });
      if (typeof result === 'number') {
        this.#dropAlong(sending);
        sending.bytes = sending.bytes.subarray(result);
      } else if (result.errno === 'EAGAIN') {
        this.#channel.wantWrite();
        return;
      } else {
        const attempt = { claim: claim !== undefined, fds: fds !== undefined && fds.length > 0 };
        this.#sent(sendError(result, attempt));
        return;
      }
    }
    this.#sent(null);
  }

  #dropAlong(sending: Sending): void {
    for (const fd of sending.along?.fds ?? []) closeDescriptor(fd);
    sending.along = undefined;
  }

  #sent(error: Error | null): void {
    const sending = this.#sending;
    this.#sending = undefined;
    if (sending === undefined) return;
    this.#dropAlong(sending);
    sending.done(error);
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
    this.#sent(
      error ??
        new PeerError('ERR_PEER_CLOSED', 'the stream was closed before this was sent', { scope: 'call' }),
    );
    done(error);
  }
}

/** The descriptors, held until they are sent. */
function duplicates(fds: readonly number[]): readonly number[] {
  const held: number[] = [];
  for (const fd of fds) {
    const copy = duplicateSocket(fd);
    if ('fd' in copy) {
      held.push(copy.fd);
      continue;
    }
    for (const each of held) closeDescriptor(each);
    throw sendError(copy.refused, { fds: true });
  }
  return held;
}
