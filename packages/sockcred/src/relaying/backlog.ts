/**
 * Connections that wait for room in the backlog of a listener. Nobody is told
 * by the kernel when there is some: so the first in the line asks anew, for all of them, and
 * where it comes in the next one does at once. Each has a time of its own.
 */

import type { NewSocket } from '../sys/unix-socket.ts';

/** Somebody who wants to connect. */
export interface Connecting {
  /** Connects, or does not, without waiting: a full backlog is EAGAIN. */
  attempt(): NewSocket;
  /** When it is given up, as `performance.now()` tells it. */
  readonly end: number;
  readonly signal: AbortSignal | undefined;
}

interface Waiting extends Connecting {
  readonly done: (made: NewSocket) => void;
  readonly failed: (error: unknown) => void;
}

/** Asked anew after 1, 2, 4 ... milliseconds. */
const LONGEST_PAUSE_MS = 64;
/** Then others have their turn. */
const MOST_IN_A_TURN = 64;

const lines = new Map<string, Line>();

function isFull(made: NewSocket): boolean {
  return 'refused' in made && made.refused.errno === 'EAGAIN';
}

/** Those who wait for one listener, in the order in which they came. */
class Line {
  readonly #path: string;
  #waiting: Waiting[] = [];
  #pause = 1;

  constructor(path: string) {
    this.#path = path;
    this.#ask(this.#pause);
  }

  join(connecting: Connecting): Promise<NewSocket> {
    return new Promise((done, failed) => {
      const attempt = () => connecting.attempt();
      this.#waiting.push({ attempt, end: connecting.end, signal: connecting.signal, done, failed });
    });
  }

  #ask(pause: number): void {
    setTimeout(() => this.#advance(), pause);
  }

  #advance(): void {
    this.#waiting = this.#waiting.filter(one => this.#stays(one));
    const connected = this.#connect();
    this.#waiting.splice(0, connected);
    if (this.#waiting.length === 0) {
      lines.delete(this.#path);
      return;
    }
    this.#pause = connected > 0 ? 1 : Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    this.#ask(connected === MOST_IN_A_TURN ? 0 : this.#pause);
  }

  /** How many of the first are done, in whatever way. */
  #connect(): number {
    let count = 0;
    for (const { attempt, done, failed } of this.#waiting.slice(0, MOST_IN_A_TURN)) {
      try {
        const made = attempt();
        if (isFull(made)) break;
        done(made);
      } catch (error) {
        failed(error);
      }
      count++;
    }
    return count;
  }

  #stays({ end, signal, done, failed }: Waiting): boolean {
    if (signal?.aborted === true) failed(signal.reason);
    else if (performance.now() >= end) done({ refused: { kind: 'refused', errno: 'EAGAIN' } });
    else return true;
    return false;
  }
}

/** Connects to the listener at this path once there is room; what is not a full backlog is told at once. */
export async function connectInTurn(path: string, connecting: Connecting): Promise<NewSocket> {
  let line = lines.get(path);
  if (line === undefined) {
    const made = connecting.attempt();
    if (!isFull(made) || performance.now() >= connecting.end) return made;
    line = new Line(path);
    lines.set(path, line);
  }
  return await line.join(connecting);
}
