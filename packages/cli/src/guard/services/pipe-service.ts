/** The relay where the kernel has none: streams of this program, with their back-pressure. No descriptors pass. */

import { createServer, Socket } from 'node:net';
import { admissionOf, type Gate } from 'sockcred/gate';
import { connectUpstream } from 'sockcred/relay';
import type { Journal } from '../records/journal.ts';
import { proxyHeader, type RelayOptions } from './relay-service.ts';
import { type Service, Underway } from './service.ts';
import { carryBetween } from './stream-pair.ts';

export class PipeService implements Service {
  readonly #options: Omit<RelayOptions, 'passFds'>;
  readonly #journal: Journal;
  readonly #underway = new Underway();

  constructor(options: Omit<RelayOptions, 'passFds'>, journal: Journal) {
    this.#options = options;
    this.#journal = journal;
  }

  takeFrom(gate: Gate): void {
    gate.handTo(
      createServer({ allowHalfOpen: true, pauseOnConnect: true }, client => void this.#carry(client)),
    );
  }

  empty(): Promise<void> {
    return this.#underway.empty();
  }

  cut(): void {
    this.#underway.cut();
  }

  async #carry(client: Socket): Promise<void> {
    const { to, asPeer, verify, proxyProtocol, idleMs } = this.#options;
    const admission = admissionOf(client);
    const abort = new AbortController();
    const over = this.#underway.begin(() => {
      abort.abort();
      this.#journal.because(admission.peer, 'cut');
      client.destroy();
    });
    // Whatever comes, either way, is read from it or written to it.
    if (idleMs !== undefined) {
      client.setTimeout(idleMs, () => {
        this.#journal.because(admission.peer, 'limited');
        client.destroy();
      });
    }
    client.on('close', () => {
      abort.abort();
      over();
    });
    try {
      // It may be refused, and nothing is open yet that would stay so.
      const header = proxyProtocol ? proxyHeader(admission) : undefined;
      const fd = await connectUpstream(to, {
        signal: abort.signal,
        ...(asPeer ? { as: admission.peer } : {}),
        ...(verify === undefined ? {} : { verify }),
      });
      const server = new Socket({ fd, allowHalfOpen: true, readable: true, writable: true });
      if (client.destroyed) {
        server.destroy();
        return;
      }
      if (header !== undefined) server.write(header);
      carryBetween(client, server);
    } catch (error) {
      if (!client.destroyed) this.#journal.unserved(admission.peer, error);
      client.destroy();
    }
  }
}
