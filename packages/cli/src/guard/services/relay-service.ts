/**
 * Bytes of every connection to the server behind and back, moved by the kernel;
 * none of them passes through this program. Each way ends by itself.
 */

import { setMaxListeners } from 'node:events';
import { encodeProxyHeader } from 'sockcred/forwarding';
import type { AdmittedConnection, Gate } from 'sockcred/gate';
import { closeDescriptor, connectUpstream, relay, sendFirst, type Upstream } from 'sockcred/relay';
import type { Journal } from '../records/journal.ts';
import { type Service, Underway } from './service.ts';
import type { Verify } from './upstream-owner.ts';

/** How the server behind is reached. */
export interface RelayOptions {
  readonly to: Upstream;
  /** Connects under the client's own ids. */
  readonly asPeer: boolean;
  readonly verify?: Verify | undefined;
  readonly passFds: boolean;
  readonly proxyProtocol: boolean;
  /** Milliseconds without a byte, either way, that end a connection. */
  readonly idleMs?: number | undefined;
}

/** What the server behind is told before the first byte. HAProxy takes no header of the family that Unix sockets have. */
export function proxyHeader({ peer, decision }: Pick<AdmittedConnection, 'peer' | 'decision'>): Uint8Array {
  return encodeProxyHeader(peer, { roles: decision.roles, family: 'ipv4' });
}

/** A connection to the server behind, with the header on its way. */
async function connected(
  connection: AdmittedConnection,
  { to, asPeer, verify, proxyProtocol }: RelayOptions,
  signal: AbortSignal,
): Promise<number> {
  const upstream = await connectUpstream(to, {
    signal,
    ...(asPeer ? { as: connection.peer } : {}),
    ...(verify === undefined ? {} : { verify }),
  });
  try {
    if (proxyProtocol) await sendFirst(upstream, proxyHeader(connection), { signal });
    signal.throwIfAborted();
  } catch (error) {
    closeDescriptor(upstream);
    throw error;
  }
  return upstream;
}

/**
 * Gives up all connections that are being made; one for all of them, since one for each would cost as much as all else
 * that is done here for a connection.
 */
function givingUp(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

export class RelayService implements Service {
  readonly #options: RelayOptions;
  readonly #journal: Journal;
  readonly #underway = new Underway();
  #giveUp = givingUp();

  constructor(options: RelayOptions, journal: Journal) {
    this.#options = options;
    this.#journal = journal;
  }

  takeFrom(gate: Gate): void {
    gate.handDescriptorsTo(connection => void this.#carry(connection));
  }

  empty(): Promise<void> {
    return this.#underway.empty();
  }

  cut(): void {
    this.#giveUp.abort();
    this.#giveUp = givingUp();
    this.#underway.cut();
  }

  async #carry(connection: AdmittedConnection): Promise<void> {
    let cut = () => {};
    const over = this.#underway.begin(() => cut());
    let clientIsOurs = true;
    const { signal } = this.#giveUp;
    try {
      const upstream = await connected(connection, this.#options, signal);
      // Both are the relay's from here on, also if it throws.
      clientIsOurs = false;
      const { passFds, idleMs } = this.#options;
      const relaying = relay(connection.fd, upstream, {
        passFds,
        ...(idleMs === undefined ? {} : { idleMs }),
      });
      cut = () => relaying.stop();
      const { forth, back, errno } = await relaying.ended;
      const bytes = { toServer: forth, toClient: back };
      if (errno === undefined) this.#journal.ended(connection.peer, { reason: 'closed', ...bytes });
      else if (errno === 'ECANCELED') this.#journal.ended(connection.peer, { reason: 'cut', ...bytes });
      else if (errno === 'ETIMEDOUT' && idleMs !== undefined)
        this.#journal.ended(connection.peer, { reason: 'limited', errno, ...bytes });
      else this.#journal.ended(connection.peer, { reason: 'error', errno, ...bytes });
    } catch (error) {
      if (clientIsOurs) closeDescriptor(connection.fd);
      if (signal.aborted) this.#journal.ended(connection.peer, { reason: 'cut' });
      else this.#journal.unserved(connection.peer, error);
    } finally {
      connection.ended();
      over();
    }
  }
}
