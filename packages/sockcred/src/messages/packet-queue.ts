/**
 * How whole messages are sent: at once where there is room, and else in order
 * as soon as there is some.
 */

import { PeerError } from '../errors.ts';
import type { Channel } from '../sys/channel.ts';
import { type Beside, type ClaimedIds, send, sendSome } from '../sys/message-socket.ts';
import type { Outcome } from '../sys/outcome.ts';
import type { UnixName } from '../sys/unix-socket.ts';
import { type Attempt, sendError } from './refusals.ts';

/** What goes with one message. */
export interface PacketSending {
  /** Descriptors to send along: they must stay open until the callback. */
  readonly fds?: readonly number[];
  /** Ids to name instead of those that the kernel stamps. */
  readonly credentials?: ClaimedIds;
}

/** Told once what became of a message. */
export type PacketDone = (error: Error | null) => void;

/** A receiver other than the connected one. */
export interface Receiver {
  readonly name: UnixName;
  readonly shown: string;
}

interface Queued {
  readonly bytes: Uint8Array;
  readonly beside: Beside;
  readonly to: string | undefined;
  readonly done: PacketDone | undefined;
}

/**
 * A socket that is not connected always looks writable, also while the one
 * receiver that it sends to is full: then trying again is all that there is.
 */
const FULL_PAUSE_MS = 5;

function attemptOf({ beside, to }: Queued): Attempt {
  return {
    claim: beside.claim !== undefined,
    fds: beside.fds !== undefined && beside.fds.length > 0,
    ...(to === undefined ? {} : { to }),
  };
}

function besideOf(receiver: Receiver | undefined, { fds, credentials }: PacketSending): Beside {
  return {
    ...(receiver === undefined ? {} : { to: receiver.name }),
    ...(fds === undefined ? {} : { fds }),
    ...(credentials === undefined ? {} : { claim: credentials }),
  };
}

function closed(message: string): PeerError {
  return new PeerError('ERR_PEER_CLOSED', message, { scope: 'call' });
}

/** The sending side of one socket. */
export class PacketQueue {
  readonly #channel: Channel;
  readonly #most: number;
  readonly #report: (error: PeerError) => void;
  readonly #queue: Queued[] = [];
  #pause: NodeJS.Timeout | undefined;
  /** The receiver that it was connected with is gone, and the kernel has forgotten it. */
  #lost = false;

  /** `report` is told of errors that no callback is there for. */
  constructor(channel: Channel, most: number, report: (error: PeerError) => void) {
    this.#channel = channel;
    this.#most = most;
    this.#report = report;
  }

  /** Sends, or queues where there is no room; the connected receiver where none is named. */
  send(
    data: string | Uint8Array,
    receiver: Receiver | undefined,
    sending: PacketSending,
    done: PacketDone | undefined,
  ): void {
    const { fd } = this.#channel;
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const alone = receiver === undefined && sending.fds === undefined && sending.credentials === undefined;
    // What most messages are.
    const result = alone && this.#queue.length === 0 && fd !== -1 ? send(fd, bytes) : undefined;
    if (typeof result === 'number') {
      if (done !== undefined) queueMicrotask(() => done(null));
      return;
    }
    const one = { bytes, beside: besideOf(receiver, sending), to: receiver?.shown, done };
    if (fd === -1) {
      this.#settle(one, closed('the socket is closed'));
    } else if (this.#queue.length > 0) {
      this.#enqueue(one);
    } else if (!this.#attempt(one, result)) {
      this.#enqueue(one);
      this.#waitForRoom();
    }
  }

  /** Sends what there is room for, in one go: how many. */
  sendMany(list: readonly Uint8Array[], receiver: Receiver | undefined): number {
    if (this.#queue.length > 0) return 0;
    let count = 0;
    while (count < list.length) {
      const result = sendSome(this.#channel.fd, list, count, receiver?.name);
      if (typeof result === 'number') {
        count += result;
        continue;
      }
      if (result.errno === 'EAGAIN' || count > 0) break;
      throw this.#refused(result, receiver === undefined ? {} : { to: receiver.shown });
    }
    return count;
  }

  /** To be called when there is room again. */
  flush(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (!this.#attempt(next)) {
        this.#waitForRoom();
        return;
      }
      this.#queue.shift();
    }
  }

  /** What still waits is lost, and its callbacks are told. */
  abandon(): void {
    clearTimeout(this.#pause);
    for (const { done } of this.#queue.splice(0))
      queueMicrotask(() => done?.(closed('the socket was closed before this was sent')));
  }

  /** Whether the message is done with, by what became of it: false where there is no room for it. */
  #attempt(one: Queued, result = send(this.#channel.fd, one.bytes, one.beside)): boolean {
    if (typeof result === 'number') this.#settle(one, null);
    else if (result.errno === 'EAGAIN') return false;
    else this.#settle(one, this.#refused(result, attemptOf(one)));
    return true;
  }

  #refused(result: Outcome, attempt: Attempt): PeerError {
    if (attempt.to === undefined && result.errno === 'ECONNREFUSED') this.#lost = true;
    return sendError(result, { ...attempt, lost: this.#lost });
  }

  #settle({ done }: Queued, error: PeerError | null): void {
    queueMicrotask(() => {
      if (done !== undefined) done(error);
      else if (error !== null) this.#report(error);
    });
  }

  #enqueue(one: Queued): void {
    if (this.#queue.length < this.#most) {
      // The caller may change its bytes once send() has returned.
      this.#queue.push({ ...one, bytes: Buffer.from(one.bytes) });
    } else {
      this.#settle(one, sendError({ kind: 'refused', errno: 'EAGAIN' }, attemptOf(one)));
    }
  }

  #waitForRoom(): void {
    if (this.#queue[0]?.beside.to === undefined) this.#channel.wantWrite();
    else this.#pause = setTimeout(() => this.flush(), FULL_PAUSE_MS);
  }
}
