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

/** Bytes that are sent together. */
interface Piece {
  bytes: Uint8Array;
  beside: Beside | undefined;
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
  /** What is being sent, the next piece last. */
  #pieces: Piece[] = [];
  #done: WriteDone | undefined;

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
    this.#pieces = this.#piecesOf(chunks).reverse();
    this.#done = done;
    this.proceed();
  }

  #piecesOf(chunks: readonly Uint8Array[]): Piece[] {
    const pieces: Piece[] = [];
    let plain: Uint8Array[] = [];
    const together = (): void => {
      const [first] = plain;
      if (first !== undefined)
        pieces.push({ bytes: plain.length > 1 ? Buffer.concat(plain) : first, beside: undefined });
      plain = [];
    };
    for (const chunk of chunks) {
      const beside = this.#besides.get(chunk);
      if (beside === undefined) {
        plain.push(chunk);
        continue;
      }
      together();
      pieces.push({ bytes: chunk, beside });
      this.#besides.delete(chunk);
    }
    together();
    return pieces;
  }

  /** To be called when there is room again. */
  proceed(): void {
    for (let piece = this.#pieces.at(-1); piece !== undefined; piece = this.#pieces.at(-1)) {
      if (piece.bytes.length === 0) {
        this.#pieces.pop();
        continue;
      }
      const { bytes, beside } = piece;
      const result = send(this.#channel.fd, bytes, beside);
      if (typeof result === 'number') {
        release(beside);
        piece.beside = undefined;
        piece.bytes = bytes.subarray(result);
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
    for (const { beside } of this.#pieces.splice(0)) release(beside);
    const done = this.#done;
    this.#done = undefined;
    done?.(error);
  }
}
