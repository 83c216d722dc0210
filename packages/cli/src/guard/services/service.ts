/** What serves those who are let in, and what has to be ended before the guard can. */

import type { Gate } from 'sockcred/gate';

/** In front of what the guard stands. */
export interface Service {
  /** Takes those who are let in from the gate, which does not listen yet. */
  takeFrom(gate: Gate): void;
  /** Resolves once nothing is under way any more. */
  empty(): Promise<void>;
  /** Ends everything at once. */
  cut(): void;
}

/** Connections that are being served, each with a way to end it at once. */
export class Underway {
  readonly #cuts = new Set<() => void>();
  #emptied: (() => void) | undefined;

  get count(): number {
    return this.#cuts.size;
  }

  /** Gives a function that says that it is over. */
  begin(cut: () => void): () => void {
    // Each begin() is one of its own, also where two share a function.
    const own = () => cut();
    this.#cuts.add(own);
    return () => {
      if (this.#cuts.delete(own) && this.#cuts.size === 0) this.#emptied?.();
    };
  }

  empty(): Promise<void> {
    return new Promise(done => {
      if (this.#cuts.size === 0) return done();
      const before = this.#emptied;
      this.#emptied = () => {
        before?.();
        done();
      };
    });
  }

  cut(): void {
    for (const cut of [...this.#cuts]) cut();
  }
}
