/**
 * What happens to connections, as lines of the audit log and as numbers: heard
 * from the gate, which tells of every decision and every end, and from whoever serves those that
 * were let in. A connection has one number in all of its lines, and one line for its end.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { type PeerCredentials, PeerError, peerToJson } from 'sockcred';
import type { TriedRule } from 'sockcred/authorization';
import type { AdmittedEvent, DeniedEvent, EndedEvent, FailedEvent, LimitedEvent } from 'sockcred/gate';
import type { AuditLog } from './audit-log.ts';
import type { GuardMetrics } from './metrics.ts';

/**
 * Why a connection ended: both ways had come to their end; an error on it; a limit; what is behind did not take it, or did
 * not answer; it could not be waited for; the guard has cut it; its program has ended; it was passed on, and nobody told.
 */
export type Reason = (typeof REASONS)[number];
export const REASONS = [
  'closed',
  'error',
  'limited',
  'unserved',
  'failed',
  'cut',
  'exited',
  'passed',
] as const;

/** How a connection ended. */
export interface Ended {
  readonly reason: Reason;
  /** Bytes to the server behind, and to the client; absent where nobody counted. */
  readonly toServer?: number;
  readonly toClient?: number;
  /** Of an error. */
  readonly errno?: string;
  /** Of a program. */
  readonly status?: number | string;
}

interface Entry {
  readonly number: number;
  readonly since: number;
  /** Its close is the end; of a bare descriptor whoever serves it tells the end. */
  readonly socket: Socket | undefined;
  /** What will have ended it once its socket is closed. */
  cause: Reason | undefined;
}

/** What the gate itself ends connections for. */
const BY_GATE: Readonly<Record<EndedEvent['reason'], Reason>> = {
  closed: 'closed',
  firstByteMs: 'limited',
  cut: 'cut',
  failed: 'failed',
};

function ruleLabel(rule: TriedRule | undefined): string {
  return rule === undefined ? '' : (rule.name ?? `${rule.effect} rule ${rule.index}`);
}

/** The errno, or the code, of an error or of what it comes from; else its name. The code of a DOMException is a number. */
function codeOf(error: unknown): string {
  if (error instanceof PeerError) return error.errno ?? error.code;
  if (!(error instanceof Error)) return 'unknown';
  const { code, cause, name } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  if (cause instanceof Error) return codeOf(cause);
  return name === 'Error' ? 'unknown' : name;
}

/** What it says, and what it comes from. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${messageOf(error.cause)}` : error.message;
}

/**
 * Keeps the books of one guard, whose gate has this name. Nothing here throws at whoever serves: a fault of the books is
 * told, and costs what was to be written down.
 */
export class Journal {
  readonly #gate: string;
  readonly #metrics: GuardMetrics;
  readonly #onFault: (error: unknown) => void;
  /** Of the connections that are in. Not a WeakMap: that costs the garbage collector more than all else here. */
  readonly #entries = new Map<PeerCredentials, Entry>();
  readonly #subscriptions: readonly (readonly [string, (message: unknown) => void])[];
  #audit: AuditLog | undefined;
  #last = 0;

  constructor(gate: string, metrics: GuardMetrics, onFault: (error: unknown) => void) {
    this.#gate = gate;
    this.#metrics = metrics;
    this.#onFault = onFault;
    const of =
      <T extends { readonly gate: string | undefined }>(hear: (event: T) => void) =>
      (message: unknown) => {
        if ((message as T).gate === this.#gate) this.#safely(() => hear(message as T));
      };
    this.#subscriptions = [
      ['sockcred:gate:admitted', of<AdmittedEvent>(event => this.#admitted(event))],
      ['sockcred:gate:ended', of<EndedEvent>(event => this.#left(event))],
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
    this.#safely(() => this.#note(event, () => facts));
  }

  #safely(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** The facts are put together only where they are written down. */
  #note(event: string, facts: () => object): void {
    this.#audit?.write(event, facts);
  }

  /** Writes of those that nobody has told the end of: they are cut with the guard. */
  cutRest(): void {
    for (const peer of [...this.#entries.keys()]) this.ended(peer, { reason: 'cut' });
  }

  close(): void {
    for (const [name, hear] of this.#subscriptions) unsubscribe(name, hear);
  }

  /** The number of a connection that is in, or the next one for a connection that is not. */
  numberOf(peer: PeerCredentials): number {
    return this.#entries.get(peer)?.number ?? ++this.#last;
  }

  /** A connection that was let in has ended. What is said first counts. */
  ended(peer: PeerCredentials, end: Ended): void {
    this.#safely(() => this.#ended(peer, end));
  }

  #ended(peer: PeerCredentials, { reason, toServer, toClient, errno, status }: Ended): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return;
    this.#entries.delete(peer);
    if (toServer !== undefined) this.#metrics.bytes.add(['to_server'], toServer);
    if (toClient !== undefined) this.#metrics.bytes.add(['to_client'], toClient);
    this.#note('ended', () => ({
      connection: entry.number,
      reason,
      milliseconds: Math.round(performance.now() - entry.since),
      ...(toServer === undefined ? {} : { toServer }),
      ...(toClient === undefined ? {} : { toClient }),
      ...(errno === undefined ? {} : { errno }),
      ...(status === undefined ? {} : { status }),
    }));
  }

  /** Why the socket of a connection is about to be closed. What is said first counts. */
  because(peer: PeerCredentials, cause: Reason): void {
    const entry = this.#entries.get(peer);
    if (entry !== undefined) entry.cause ??= cause;
  }

  /** A connection, or a request on it, that was let in was not given to what is behind. */
  unserved(peer: PeerCredentials, error: unknown): void {
    this.#safely(() => this.#unserved(peer, error));
  }

  #unserved(peer: PeerCredentials, error: unknown): void {
    const code = codeOf(error);
    this.#metrics.unserved.add([code]);
    const entry = this.#entries.get(peer);
    const number = entry === undefined ? {} : { connection: entry.number };
    this.note('unserved', { ...number, code, message: messageOf(error) });
    this.because(peer, 'unserved');
    if (entry?.socket === undefined) this.ended(peer, { reason: 'unserved' });
  }

  #admitted({ peer, decision, socket }: AdmittedEvent): void {
    this.#metrics.admitted.add([ruleLabel(decision.rule)]);
    const number = ++this.#last;
    this.#entries.set(peer, { number, since: performance.now(), socket, cause: undefined });
    this.#note('admitted', () => ({ connection: number, peer: peerToJson(peer), decision }));
  }

  #left({ peer, reason }: EndedEvent): void {
    const { socket, cause } = this.#entries.get(peer) ?? {};
    if (socket === undefined) {
      // Who serves a descriptor has it still, and tells of its end with all that is known by then.
      if (reason !== 'cut') this.ended(peer, { reason: BY_GATE[reason] });
      return;
    }
    const { bytesRead: toServer, bytesWritten: toClient, errored } = socket;
    const told = reason === 'closed' ? cause : BY_GATE[reason];
    if (told === undefined && errored != null)
      this.ended(peer, { reason: 'error', toServer, toClient, errno: codeOf(errored) });
    else this.ended(peer, { reason: told ?? 'closed', toServer, toClient });
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
  }

  #failed({ error }: FailedEvent): void {
    const code = codeOf(error);
    this.#metrics.failed.add([code]);
    this.note('failed', { code, message: messageOf(error) });
  }
}
