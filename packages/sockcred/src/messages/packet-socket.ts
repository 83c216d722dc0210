/**
 * What datagram and seqpacket sockets share: whole messages, received several
 * at a time and each with its sender.
 */

import { EventEmitter } from 'node:events';
import { PeerTypeError } from '../errors.ts';
import { Channel } from '../sys/channel.ts';
import { DATAGRAM, messageAt, type RawMessage, receive, type SEQPACKET } from '../sys/message-arena.ts';
import { uncaught } from '../sys/uncaught.ts';
import { type Arrival, type ArrivalOptions, arrivalOf, closeArrival, currentView } from './arrival.ts';
import { type PacketDone, PacketQueue, type PacketSending, type Receiver } from './packet-queue.ts';
import { isByPeer, receiveError } from './refusals.ts';

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

/** The events of a socket that receives messages. */
export interface PacketEvents {
  message: [data: Buffer, info: PacketInfo];
  error: [error: Error];
  /** The other end has finished; of seqpacket sockets only. */
  end: [];
  close: [];
}

/** Batches of one wake-up; then others have their turn. */
const MOST_BATCHES = 4;
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
  readonly #outgoing: PacketQueue;

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
    const maxQueued = checkedLimit('maxQueued', options.maxQueued ?? 1024, 0x100000);
    this.#channel = new Channel(fd, {
      readable: () => this.#receive(),
      writable: () => this.#outgoing.flush(),
      failed: error => this.#fail(error),
    });
    this.#outgoing = new PacketQueue(this.#channel, maxQueued, error => this.#report(error));
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
    this.#channel.close();
    this.#outgoing.abandon();
    queueMicrotask(() => this.emit('close'));
  }

  protected startReceiving(): void {
    this.#channel.wantRead();
  }

  /** See `PacketQueue`. */
  protected sendPacket(
    data: string | Uint8Array,
    receiver: Receiver | undefined,
    sending: PacketSending,
    done: PacketDone | undefined,
  ): void {
    this.#outgoing.send(data, receiver, sending, done);
  }

  protected sendPackets(list: readonly Uint8Array[], receiver: Receiver | undefined): number {
    return this.#outgoing.sendMany(list, receiver);
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
      else this.#tell('message', data, info);
    }
    if (ended && this.fd !== -1) this.#tell('end');
    return !ended && this.fd !== -1;
  }

  #fail(error: Error): void {
    const connected = this.#kind !== DATAGRAM;
    // The other end has closed without reading everything: an end like others.
    if (connected && isByPeer(error)) this.#tell('end');
    else this.#report(error);
    if (connected) this.close();
  }

  /**
   * An event, as in node:dgram; but what the other side can bring about at any time ends no
   * program that does not listen for it.
   */
  #report(error: Error): void {
    if (isByPeer(error) && this.listenerCount('error') === 0) return;
    this.#tell('error', error);
  }

  /** What a listener throws about one message keeps no other from being given out. */
  #tell<Event extends 'message' | 'end' | 'error'>(event: Event, ...about: PacketEvents[Event]): void {
    try {
      (this as EventEmitter).emit(event, ...about);
    } catch (error) {
      uncaught(error);
    }
  }
}
