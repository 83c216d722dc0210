/**
 * How a stream sends: bytes in order, and with the first byte of some of them
 * what goes along. Descriptors are held here from the moment they are given
 * until they are sent or nothing will be.
 */

import type { Channel } from '../sys/channel.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { type Beside, type ClaimedIds, duplicateSocket, send } from '../sys/message-socket.ts';
import { sendError } from './refusals.ts';

/** What goes along with the first byte of what is sent. */
export interface Along {
  /** Descriptors to send; they are duplicated at once and stay the caller's. */
  readonly fds?: readonly number[];
  /** Ids to name instead of those that the kernel stamps. */
  readonly credentials?: ClaimedIds;
}

/** Told once what became of some bytes. */
export type WriteDone = (error?: Error | null) => void;

interface Sending {
  bytes: Uint8Array;
  beside: Beside | undefined;
  readonly done: WriteDone;
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

function release(beside: Beside | undefined): void {
  for (const fd of beside?.fds ?? []) closeDescriptor(fd);
}

/** The sending side of one stream. */
export class StreamSending {
  readonly #channel: Channel;
  /** Of bytes that wait in the stream. */
  readonly #besides = new Map<Uint8Array, Beside>();
  #current: Sending | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Keeps what goes along with bytes that are about to be written. */
  mark(bytes: Uint8Array, { fds, credentials }: Along): void {
    this.#besides.set(bytes, {
      ...(fds === undefined ? {} : { fds: duplicates(fds) }),
      ...(credentials === undefined ? {} : { claim: credentials }),
    });
  }

  /** Sends one piece after the other; what nothing goes along with is sent together. */
  write(chunks: readonly Uint8Array[], done: WriteDone): void {
    const [first] = chunks;
    if (first === undefined) {
      done(null);
      return;
    }
    const marked = chunks.findIndex(chunk => this.#besides.has(chunk));
    const count = Math.max(marked === -1 ? chunks.length : marked, 1);
    const bytes = count > 1 ? Buffer.concat(chunks.slice(0, count)) : first;
    const beside = this.#besides.get(first);
    this.#besides.delete(first);
    const rest = chunks.slice(count);
    const next: WriteDone = error => (error != null ? done(error) : this.write(rest, done));
    this.#current = { bytes, beside, done: rest.length === 0 ? done : next };
    this.proceed();
  }

  /** To be called when there is room again. */
  proceed(): void {
    const sending = this.#current;
    if (sending === undefined) return;
    while (sending.bytes.length > 0) {
      const { beside } = sending;
      const result = send(this.#channel.fd, sending.bytes, beside);
      if (typeof result === 'number') {
        release(beside);
        sending.beside = undefined;
        sending.bytes = sending.bytes.subarray(result);
      } else if (result.errno === 'EAGAIN') {
        this.#channel.wantWrite();
        return;
      } else {
        const fds = beside?.fds !== undefined && beside.fds.length > 0;
        this.#settle(sendError(result, { claim: beside?.claim !== undefined, fds }));
        return;
      }
    }
    this.#settle(null);
  }

  /** Nothing more is sent: what was held for it is let go. */
  abandon(error: Error): void {
    this.#settle(error);
    for (const beside of this.#besides.values()) release(beside);
    this.#besides.clear();
  }

  #settle(error: Error | null): void {
    const sending = this.#current;
    this.#current = undefined;
    if (sending === undefined) return;
    release(sending.beside);
    sending.done(error);
  }
}
