/**
 * Whom the policy or a limit does not let in may be told so by a small server, instead of
 * being cut off at once. They get in nowhere: `peerOf()` throws for them, `denialOf()` and `limitationOf()` tell why. Few of
 * them are heard at the same time, and none for long, whatever that server does.
 */

import type { Socket } from 'node:net';
import { PeerTypeError } from '../errors.ts';
import { type Refused, rememberRefused } from './admissions.ts';
import { HandOver, type Target } from './hand-over.ts';
import { ConnectionCount, type Limits } from './limits.ts';

/** Who tells those who are not let in. */
export interface RefuseOptions {
  /** Is given their sockets. Nothing that it is told by them comes from somebody who may come in. */
  readonly handTo: Target;
  /** How many at the same time, from 1 on: any more are closed at once. Default: 16. */
  readonly connections?: number;
  /** After so many milliseconds each is closed. Default: 2000. */
  readonly ms?: number;
  /**
   * Tells also those who run into a limit, in which they may run often: a few of each user in a second, of whom no more than
   * half of `connections` are heard at the same time; any more are closed at once. Default: false.
   */
  readonly limits?: boolean;
}

const CONNECTIONS = 16;
const MS = 2000;

/** Of those who run into limits. One user who does it all the time must neither cost much nor keep others from being told. */
const LIMITED: Limits = { connectionsPerUid: 4, acceptsPerUid: { count: 8, seconds: 1 } };

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
  /** Places for those who run into limits. */
  readonly #limited: ConnectionCount | undefined;

  constructor(options: RefuseOptions) {
    this.#handOver = new HandOver(options.handTo);
    this.#most = positive(options.connections ?? CONNECTIONS, 'connections');
    this.#milliseconds = positive(options.ms ?? MS, 'ms');
    if (options.limits === true) {
      this.#limited = new ConnectionCount({ ...LIMITED, connections: Math.ceil(this.#most / 2) });
    }
  }

  /** Who ran into a limit has a place then, which `give()` gives back in the end. */
  hasRoomFor(refused: Refused): boolean {
    if (this.#sockets.size >= this.#most) return false;
    if ('denied' in refused) return true;
    const { uid } = refused.limited.peer;
    return this.#limited !== undefined && this.#limited.take(uid, performance.now()) === undefined;
  }

  give(socket: Socket, refused: Refused): void {
    rememberRefused(socket, refused);
    const timer = setTimeout(() => socket.destroy(), this.#milliseconds);
    this.#sockets.add(socket);
    socket.on('error', ignore).on('close', () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
      this.giveBack(refused);
    });
    this.#handOver.give(socket);
  }

  /** Gives back the place of somebody who is told nothing more. */
  giveBack(refused: Refused): void {
    if ('limited' in refused) this.#limited?.release(refused.limited.peer.uid);
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
