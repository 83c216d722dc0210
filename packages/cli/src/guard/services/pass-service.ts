/**
 * Connections are passed to a program that runs all the time, each in one
 * message: who it is, and the descriptor beside it. No byte of theirs is relayed.
 * docs/guard.md has the protocol.
 */

import { peerToJson } from 'sockcred';
import type { AdmittedConnection, Gate } from 'sockcred/gate';
import { UnixSeqpacketSocket } from 'sockcred/messages';
import { closeDescriptor } from 'sockcred/relay';
import type { Journal } from '../records/journal.ts';
import { type Service, Underway } from './service.ts';
import type { Verify } from './upstream-owner.ts';

/** A message is never longer, so that a program can read it in one go. */
const MOST_BYTES = 0x10000;
/** Connections that may wait for a program that is busy. */
const MOST_WAITING = 64;
/** Nobody has to tell more in one message than which connection has ended. */
const MOST_BACK = 256;

/** The message that goes with a connection. */
function headOf(number: number, { peer, decision }: AdmittedConnection): Buffer {
  const head = { version: 1, connection: number, peer: peerToJson(peer), roles: decision.roles };
  const bytes = Buffer.from(JSON.stringify(head));
  if (bytes.length <= MOST_BYTES) return bytes;
  throw new Error(`who this is does not fit in ${MOST_BYTES} bytes`);
}

/** The number in `{"ended":NUMBER}`. */
function endedNumber(data: Buffer): number | undefined {
  const [, digits] = /^\{"ended":([0-9]{1,15})\}$/.exec(data.toString('latin1')) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

export class PassService implements Service {
  readonly #path: string;
  readonly #journal: Journal;
  readonly #underway = new Underway();
  /** Does anybody want to know when a connection that was passed has ended? */
  readonly #counts: () => boolean;
  readonly #verify: Verify | undefined;
  /** How the end of each is told: by the program, or by nobody. */
  readonly #passed = new Map<number, (reason: 'closed' | 'passed') => void>();
  #program: UnixSeqpacketSocket | undefined;

  constructor(path: string, journal: Journal, counts: () => boolean, verify?: Verify) {
    this.#path = path;
    this.#journal = journal;
    this.#counts = counts;
    this.#verify = verify;
  }

  takeFrom(gate: Gate): void {
    gate.handDescriptorsTo(connection => this.#pass(connection));
  }

  /** What was passed is the program's: nothing of it is waited for. */
  async empty(): Promise<void> {
    this.#forget();
    await this.#underway.empty();
    this.#program?.close();
  }

  cut(): void {
    this.#program?.close();
  }

  #pass(connection: AdmittedConnection): void {
    const { fd, peer } = connection;
    const number = this.#journal.numberOf(peer);
    const over = this.#underway.begin(() => {});
    const settle = (error: Error | null) => {
      closeDescriptor(fd);
      if (error !== null) this.#journal.unserved(peer, error);
      else if (this.#counts()) this.#remember(number, connection);
      else this.#journal.ended(peer, { reason: 'passed' });
      if (!this.#passed.has(number)) connection.ended();
      over();
    };
    try {
      const head = headOf(number, connection);
      const program = this.#connected();
      program.send(head, { fds: [fd] }, settle);
    } catch (error) {
      settle(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #remember(number: number, connection: AdmittedConnection): void {
    this.#passed.set(number, reason => {
      this.#passed.delete(number);
      this.#journal.ended(connection.peer, { reason });
      connection.ended();
    });
  }

  /** The program has gone, and with it what it had. */
  #forget(): void {
    for (const end of [...this.#passed.values()]) end('passed');
  }

  #connected(): UnixSeqpacketSocket {
    const before = this.#program;
    if (before !== undefined && before.fd !== -1) return before;
    const program = UnixSeqpacketSocket.connect(this.#path, {
      maxQueued: MOST_WAITING,
      maxMessageBytes: MOST_BACK,
    }).unref();
    try {
      this.#verify?.(program.fd);
    } catch (error) {
      program.close();
      throw error;
    }
    this.#program = program;
    program.on('message', data => {
      const number = endedNumber(data);
      if (number !== undefined) this.#passed.get(number)?.('closed');
    });
    program.on('error', () => program.close());
    program.on('end', () => program.close());
    program.on('close', () => this.#forget());
    return program;
  }
}
