/**
 * One socket of ours and the waiting for it: reading and writing are asked for
 * separately, and reported separately, out of one watch.
 */

import { PeerError } from '../errors.ts';
import { closeDescriptor } from './descriptor.ts';
import { hasMessages } from './message-socket.ts';
import { HANGUP, READABLE, type Watch, WRITABLE, watch } from './readiness.ts';

/** What is done when something is possible. */
export interface ChannelEvents {
  /** `hungUp`: nothing comes any more but what is there already. */
  readable(hungUp: boolean): void;
  writable(): void;
  /** Waiting has become impossible. */
  failed(error: Error): void;
}

/** Owns a descriptor until `close()`. */
export class Channel {
  #fd: number;
  #wanted = 0;
  readonly #watch: Watch;
  readonly #events: ChannelEvents;

  constructor(fd: number, events: ChannelEvents) {
    if (!hasMessages()) {
      const message = `receiving messages is not built in for ${process.platform}`;
      throw new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
    }
    this.#fd = fd;
    this.#events = events;
    this.#watch = watch(fd, what => this.#report(what));
  }

  /** -1 once it is closed. */
  get fd(): number {
    return this.#fd;
  }

  /** Asks for one report of being readable. */
  wantRead(): void {
    this.#want(READABLE);
  }

  /** Asks for one report of being writable. */
  wantWrite(): void {
    this.#want(WRITABLE);
  }

  hold(keepsRunning: boolean): void {
    this.#watch.hold(keepsRunning);
  }

  close(): void {
    if (this.#fd === -1) return;
    this.#watch.close();
    closeDescriptor(this.#fd);
    this.#fd = -1;
  }

  #want(interest: number): void {
    if (this.#fd === -1 || (this.#wanted & interest) !== 0) return;
    this.#wanted |= interest;
    this.#arm();
  }

  #arm(): void {
    try {
      this.#watch.arm(this.#wanted);
    } catch (error) {
      this.#events.failed(error as Error);
    }
  }

  #report(what: number): void {
    const hungUp = (what & HANGUP) !== 0;
    const due = hungUp ? this.#wanted : this.#wanted & what;
    this.#wanted &= ~due;
    if (this.#wanted !== 0) this.#arm();
    if ((due & READABLE) !== 0) this.#events.readable(hungUp);
    if ((due & WRITABLE) !== 0 && this.#fd !== -1) this.#events.writable();
  }
}
