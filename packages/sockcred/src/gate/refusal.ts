/**
 * Whom the policy does not let in may be told so by a small server, instead of
 * being cut off at once. They get in nowhere: `peerOf()` throws for them, `denialOf()` tells why. Few of them
 * are heard at the same time, and none for long, whatever that server does.
 */

import type { Socket } from 'node:net';
import { PeerTypeError } from '../errors.ts';
import { type Denial, rememberDenial } from './admissions.ts';
import { HandOver, type Target } from './hand-over.ts';

/** Who tells those who are denied. */
export interface RefuseOptions {
  /** Is given their sockets. Nothing that it is told by them comes from somebody who may come in. */
  readonly handTo: Target;
  /** How many at the same time, from 1 on: any more are closed at once. Default: 16. */
  readonly connections?: number;
  /** After so many milliseconds each is closed. Default: 2000. */
  readonly ms?: number;
}

const CONNECTIONS = 16;
const MS = 2000;

function ignore(): void {}

function positive(value: number, name: string): number {
  if (Number.isInteger(value) && value >= 1 && value <= 0x7fffffff) return value;
  throw new PeerTypeError('ERR_ARGUMENT', `refuse.${name} must be an integer from 1 to 2147483647`);
}

/** The sockets of those who are being told. */
export class Refusal {
  readonly #handOver: HandOver;
  readonly #most: number;
  readonly #milliseconds: number;
  readonly #sockets = new Set<Socket>();

  constructor(options: RefuseOptions) {
    this.#handOver = new HandOver(options.handTo);
    this.#most = positive(options.connections ?? CONNECTIONS, 'connections');
    this.#milliseconds = positive(options.ms ?? MS, 'ms');
  }

  get hasRoom(): boolean {
    return this.#sockets.size < this.#most;
  }

  give(socket: Socket, denial: Denial): void {
    rememberDenial(socket, denial);
    const timer = setTimeout(() => socket.destroy(), this.#milliseconds);
    this.#sockets.add(socket);
    socket.on('error', ignore).on('close', () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
    });
    this.#handOver.give(socket);
  }

  begin(): void {
    this.#handOver.begin();
  }

  /** Closes those that are left. */
  end(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#handOver.end();
  }
}
