/**
 * What datagram and seqpacket sockets share: whole messages, received several
 * at a time and each with its sender, and sent at once or in order as soon as
 * there is room.
 */

import { EventEmitter } from 'node:events';
import { PeerError, PeerTypeError } from '../errors.ts';
import { Channel } from '../sys/channel.ts';
import { DATAGRAM, messageAt, type RawMessage, receive, type SEQPACKET } from '../sys/message-arena.ts';
import { type Beside, type ClaimedIds, send, sendSome } from '../sys/message-socket.ts';
import type { UnixName } from '../sys/unix-socket.ts';
import { type Arrival, type ArrivalOptions, arrivalOf, closeArrival, currentView } from './arrival.ts';
import { receiveError, sendError } from './refusals.ts';

/** Who sent a message, what came beside it, and how it came. */
export interface PacketInfo extends Arrival {
  /** The name of the sender's socket, chosen by whoever bound it: no identity. */
  readonly from?: string;
  /** How long the message was when it was sent. */
  readonly size: number;
  /** The message was longer than `maxMessageBytes`, and its end is lost. */
  readonly truncated: boolean;
}

/** How messages are received and sent. */
export interface PacketOptions extends ArrivalOptions {
  /** Longer messages are cut, and say so. Default: 64 KiB. */
  readonly maxMessageBytes?: number;
  /** Messages that may wait for room at the receiver. Default: 1024. */
  readonly maxQueued?: number;
}

/** What goes with one message. */
export interface PacketSending {
  /** Descriptors to send along: they must stay open until the callback. */
  readonly fds?: readonly number[];
  /** Ids to name instead of those that the kernel stamps. */
  readonly credentials?: ClaimedIds;
}

/** The events of a socket that receives messages. */
export interface PacketEvents {
  message: [data: Buffer, info: PacketInfo];
  error: [error: Error];
  /** The other end has finished; of seqpacket sockets only. */
  end: [];
  close: [];
}

type Done = (error: Error | null) => void;

interface Queued {
  readonly bytes: Uint8Array;
  readonly beside: Beside;
  readonly to: string | undefined;
  readonly done: Done | undefined;
}

/** What a receiver or the other end can bring about. */
const BY_PEER: ReadonlySet<string> = new Set([
  'ERR_PEER_CLOSED',
  'ERR_SEND_FDS',
  'ERR_SEND_FULL',
  'ERR_SEND_NOBODY',
]);

/** Batches of one wake-up; then others have their turn. */
const MOST_BATCHES = 4;
/**
 * A socket that is not connected always looks writable, also while the one
 * receiver that it sends to is full: then trying again is all that there is.
 */
const FULL_PAUSE_MS = 5;
const MOST_MESSAGE_BYTES = 0x1000000;

const noNames = new TextDecoder();

/** A sender's name as text, `@` for an abstract one. */
function nameText(bytes: Uint8Array): string {
  return bytes[0] === 0 ? `@${noNames.decode(bytes.subarray(1))}` : noNames.decode(bytes);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The arrival itself, with what only messages have. */
function infoOf(raw: RawMessage, arrival: Arrival): PacketInfo {
  const info = arrival as Mutable<PacketInfo>;
  info.size = raw.fullLength;
  info.truncated = raw.cut;
  if (raw.nameBytes.length > 0) info.from = nameText(raw.nameBytes);
  return info;
}

function checkedLimit(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new PeerTypeError('ERR_ARGUMENT', `${name} must be an integer from 1 to ${most}`);
}

/** @internal What a datagram and a seqpacket socket are made of. */
export abstract class PacketSocket extends EventEmitter<PacketEvents> {
  readonly #kind: typeof DATAGRAM | typeof SEQPACKET;
  readonly #channel: Channel;
  readonly #mostFds: number;
  readonly #room: number;
  readonly #maxQueued: number;
  readonly #queue: Queued[] = [];
  #pause: NodeJS.Timeout | undefined;

  protected constructor(
    kind: typeof DATAGRAM | typeof SEQPACKET,
    fd: number,
    options: PacketOptions,
    mostFds: number,
  ) {
    super();
    this.#kind = kind;
    this.#mostFds = mostFds;
    this.#room = checkedLimit('maxMessageBytes', options.maxMessageBytes ?? 0x10000, MOST_MESSAGE_BYTES);
    this.#maxQueued = checkedLimit('maxQueued', options.maxQueued ?? 1024, 0x100000);
    this.#channel = new Channel(fd, {
      readable: () => this.#receive(),
      writable: () => this.#flush(),
      failed: error => this.#fail(error),
    });
  }

  /** The descriptor; -1 once the socket is closed. */
  get fd(): number {
    return this.#channel.fd;
  }

  /** Whether this socket keeps the program running; it does at first. */
  ref(): this {
    this.#channel.hold(true);
    return this;
  }

  unref(): this {
    this.#channel.hold(false);
    return this;
  }

  /** Closes the socket. What still waits to be sent is lost, and its callbacks are told. */
  close(): void {
    if (this.fd === -1) return;
    clearTimeout(this.#pause);
    this.#channel.close();
    for (const { done } of this.#queue.splice(0)) {
      const message = 'the socket was closed before this was sent';
      done?.(new PeerError('ERR_PEER_CLOSED', message, { scope: 'call' }));
    }
    queueMicrotask(() => this.emit('close'));
  }

  protected startReceiving(): void {
    this.#channel.wantRead();
  }

  /** Sends, or queues where there is no room; the connected receiver where no name is given. */
  protected sendPacket(
    data: string | Uint8Array,
    name: { name: UnixName; shown: string } | undefined,
    sending: PacketSending,
    done: Done | undefined,
  ): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const alone = name === undefined && sending.fds === undefined && sending.credentials === undefined;
    if (alone && this.#queue.length === 0 && this.fd !== -1) {
      // What most messages are. One that is refused is tried once more below, where its error is told.
      if (typeof send(this.fd, bytes) === 'number') {
        if (done !== undefined) queueMicrotask(() => done(null));
        return;
      }
    }
    const { fds, credentials } = sending;
    const beside: Beside = {
      ...(name === undefined ? {} : { to: name.name }),
      ...(fds === undefined ? {} : { fds }),
      ...(credentials === undefined ? {} : { claim: credentials }),
    };
    const one = { bytes, beside, to: name?.shown, done };
    if (this.fd === -1) {
      const message = 'the socket is closed';
      this.#settle(one, new PeerError('ERR_PEER_CLOSED', message, { scope: 'call' }));
    } else if (this.#queue.length > 0) {
      this.#enqueue(one);
    } else if (!this.#attempt(one)) {
      this.#enqueue(one);
      this.#waitForRoom();
    }
  }

  /** Sends what there is room for, in one go: how many. */
  protected sendPackets(
    list: readonly Uint8Array[],
    name: { name: UnixName; shown: string } | undefined,
  ): number {
    if (this.#queue.length > 0) return 0;
    let count = 0;
    while (count < list.length) {
      const result = sendSome(this.fd, list, count, name?.name);
      if (typeof result === 'number') {
        count += result;
        continue;
      }
      if (result.errno === 'EAGAIN' || count > 0) break;
      throw sendError(result, name === undefined ? {} : { to: name.shown });
    }
    return count;
  }

  /** Whether the message is done with: false where there is no room for it. */
  #attempt(one: Queued): boolean {
    const result = send(this.fd, one.bytes, one.beside);
    if (typeof result === 'number') {
      this.#settle(one, null);
      return true;
    }
    if (result.errno === 'EAGAIN') return false;
    const { fds, claim } = one.beside;
    const attempt = {
      claim: claim !== undefined,
      fds: fds !== undefined && fds.length > 0,
      ...(one.to === undefined ? {} : { to: one.to }),
    };
    this.#settle(one, sendError(result, attempt));
    return true;
  }

  /**
   * Without a callback an error is an event, as in node:dgram; but what the other side can bring
   * about at any time ends no program that does not listen for it.
   */
  #settle({ done }: Queued, error: PeerError | null): void {
    queueMicrotask(() => {
      if (done !== undefined) done(error);
      else if (error !== null && !(BY_PEER.has(error.code) && this.listenerCount('error') === 0))
        this.emit('error', error);
    });
  }

  #enqueue(one: Queued): void {
    if (this.#queue.length < this.#maxQueued) {
      // The caller may change its bytes once send() has returned.
      this.#queue.push({ ...one, bytes: Buffer.from(one.bytes) });
      return;
    }
    this.#settle(
      one,
      sendError({ kind: 'refused', errno: 'EAGAIN' }, one.to === undefined ? {} : { to: one.to }),
    );
  }

  #waitForRoom(): void {
    if (this.#queue[0]?.beside.to === undefined) this.#channel.wantWrite();
    else this.#pause = setTimeout(() => this.#flush(), FULL_PAUSE_MS);
  }

  #flush(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (!this.#attempt(next)) {
        this.#waitForRoom();
        return;
      }
      this.#queue.shift();
    }
  }

  #receive(): void {
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const result = receive(this.fd, this.#kind, { room: this.#room, mostFds: this.#mostFds });
      if (typeof result !== 'number') {
        if (result.errno === 'EAGAIN') break;
        this.#fail(receiveError(result));
        if (this.#kind !== DATAGRAM) return;
        break;
      }
      if (!this.#deliver(result)) return;
      if (result === 1) break;
    }
    this.#channel.wantRead();
  }

  /** Gives out a batch; false where nothing more is to be received. */
  #deliver(count: number): boolean {
    const around = currentView();
    const batch: [Buffer, PacketInfo][] = [];
    let ended = false;
    // All of it is read before anything is given out: whoever gets it may receive himself.
    for (let index = 0; index < count; index++) {
      const raw = messageAt(index);
      if (raw.end) ended = true;
      else batch.push([raw.bytes, infoOf(raw, arrivalOf(raw, around))]);
    }
    for (const [data, info] of batch) {
      if (this.fd === -1 || this.listenerCount('message') === 0) closeArrival(info);
      else this.emit('message', data, info);
    }
    if (ended && this.fd !== -1) this.emit('end');
    return !ended && this.fd !== -1;
  }

  #fail(error: Error): void {
    // The other end has closed without reading everything: an end like others.
    if (this.#kind !== DATAGRAM && error instanceof PeerError && BY_PEER.has(error.code)) this.emit('end');
    else this.emit('error', error);
    if (this.#kind !== DATAGRAM) this.close();
  }
}
