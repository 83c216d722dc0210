/**
 * What happens to connections, as lines of the audit log and as numbers: heard
 * from the gate, which tells of every decision, and from whoever serves those that
 * were let in. A connection has one number in all of its lines.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type PeerCredentials, PeerError, peerToJson } from 'sockcred';
import type { TriedRule } from 'sockcred/authorization';
import type { AdmittedEvent, DeniedEvent, FailedEvent, LimitedEvent } from 'sockcred/gate';
import type { AuditLog } from './audit-log.ts';
import type { GuardMetrics } from './metrics.ts';

/** How a connection ended. */
export interface Ended {
  /** Bytes to the server behind, and to the client; absent where nobody counted. */
  readonly toServer?: number;
  readonly toClient?: number;
  /** What ended it before its time. */
  readonly errno?: string;
  /** Of a program. */
  readonly status?: number | string;
}

interface Entry {
  readonly number: number;
  readonly since: number;
  /** Its close is the end; of a bare descriptor whoever serves it tells the end. */
  readonly hasSocket: boolean;
}

function ruleLabel(rule: TriedRule | undefined): string {
  return rule === undefined ? '' : (rule.name ?? `${rule.effect} rule ${rule.index}`);
}

/** The errno, or the code, of an error or of what it comes from. */
function codeOf(error: unknown): string {
  if (error instanceof PeerError) return error.errno ?? error.code;
  const { code, cause } = error as NodeJS.ErrnoException;
  return code ?? (cause instanceof Error ? codeOf(cause) : 'unknown');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Keeps the books of one guard, whose gate has this name. */
export class Journal {
  readonly #gate: string;
  readonly #metrics: GuardMetrics;
  /** Of the connections that are in. Not a WeakMap: that costs the garbage collector more than all else here. */
  readonly #entries = new Map<PeerCredentials, Entry>();
  readonly #subscriptions: readonly (readonly [string, (message: unknown) => void])[];
  #audit: AuditLog | undefined;
  #last = 0;

  constructor(gate: string, metrics: GuardMetrics) {
    this.#gate = gate;
    this.#metrics = metrics;
    const of =
      <T extends { readonly gate: string | undefined }>(hear: (event: T) => void) =>
      (message: unknown) => {
        if ((message as T).gate === this.#gate) hear(message as T);
      };
    this.#subscriptions = [
      ['sockcred:gate:admitted', of<AdmittedEvent>(event => this.#admitted(event))],
      ['sockcred:gate:denied', of<DeniedEvent>(event => this.#denied(event))],
      ['sockcred:gate:limited', of<LimitedEvent>(event => this.#limited(event))],
      ['sockcred:gate:failed', of<FailedEvent>(event => this.#failed(event))],
    ];
    for (const [name, hear] of this.#subscriptions) subscribe(name, hear);
  }

  /** Where lines go from now on. */
  writeTo(audit: AuditLog): void {
    this.#audit = audit;
  }

  note(event: string, facts: object = {}): void {
    this.#note(event, () => facts);
  }

  /** The facts are put together only where they are written down. */
  #note(event: string, facts: () => object): void {
    this.#audit?.write(event, facts);
  }

  close(): void {
    for (const [name, hear] of this.#subscriptions) unsubscribe(name, hear);
  }

  /** The number of a connection that is in, or the next one for a connection that is not. */
  numberOf(peer: PeerCredentials): number {
    return this.#entries.get(peer)?.number ?? ++this.#last;
  }

  /** A connection that was let in has ended. */
  ended(peer: PeerCredentials, { toServer, toClient, errno, status }: Ended): void {
    if (toServer !== undefined) this.#metrics.bytes.add(['to_server'], toServer);
    if (toClient !== undefined) this.#metrics.bytes.add(['to_client'], toClient);
    this.#note('ended', () => {
      const since = this.#entries.get(peer)?.since ?? performance.now();
      return {
        connection: this.numberOf(peer),
        milliseconds: Math.round(performance.now() - since),
        ...(toServer === undefined ? {} : { toServer }),
        ...(toClient === undefined ? {} : { toClient }),
        ...(errno === undefined ? {} : { errno }),
        ...(status === undefined ? {} : { status }),
      };
    });
    this.#entries.delete(peer);
  }

  /** A connection, or a request on it, that was let in was not given to what is behind. */
  unserved(peer: PeerCredentials, error: unknown): void {
    const code = codeOf(error);
    this.#metrics.unserved.add([code]);
    this.note('unserved', { connection: this.numberOf(peer), code, message: messageOf(error) });
    this.#endBare(peer);
  }

  /** A connection is somebody else's now, who does not tell its end. */
  passedOn(peer: PeerCredentials): void {
    this.#entries.delete(peer);
  }

  #endBare(peer: PeerCredentials): void {
    if (this.#entries.get(peer)?.hasSocket === false) this.#entries.delete(peer);
  }

  #admitted({ peer, decision, socket }: AdmittedEvent): void {
    this.#metrics.admitted.add([ruleLabel(decision.rule)]);
    const number = ++this.#last;
    this.#entries.set(peer, { number, since: performance.now(), hasSocket: socket !== undefined });
    this.#note('admitted', () => ({ connection: number, peer: peerToJson(peer), decision }));
    socket?.once('close', () => {
      this.ended(peer, { toServer: socket.bytesRead, toClient: socket.bytesWritten });
    });
  }

  #denied({ peer, decision }: DeniedEvent): void {
    this.#metrics.denied.add([decision.reason, ruleLabel(decision.rule)]);
    const number = this.numberOf(peer);
    this.#note('denied', () => ({ connection: number, peer: peerToJson(peer), decision }));
  }

  #limited({ peer, limit }: LimitedEvent): void {
    this.#metrics.limited.add([limit]);
    const who = peer === undefined ? {} : { connection: this.numberOf(peer), peer: peerToJson(peer) };
    this.note('limited', { limit, ...who });
    if (peer !== undefined) this.#endBare(peer);
  }

  #failed({ error }: FailedEvent): void {
    const code = codeOf(error);
    this.#metrics.failed.add([code]);
    this.note('failed', { code, message: messageOf(error) });
  }
}
