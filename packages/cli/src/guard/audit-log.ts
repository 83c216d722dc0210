/**
 * The audit log: one line of JSON for each decision and for what else happens,
 * written before the guard goes on, so that none is lost when it is ended.
 * Nothing in a line is obeyed by a terminal, whatever a peer may have named itself.
 */

import { closeSync, openSync } from 'node:fs';
import { type DestinationStream, type Logger, pino } from 'pino';
import { escapeText } from 'sockcred';
import { SystemRefusal } from '../exit-codes.ts';
import { harmlessJson } from '../terminal.ts';

/** What is told of writing, besides the lines. */
export interface AuditTrouble {
  /** Lines wait for the next attempt. */
  retried(error: Error): void;
  /** So many wait that this one was dropped. */
  lost(): void;
}

export interface AuditLog {
  write(event: string, facts: () => object): void;
  /** Begins a new file if the old one was moved away; the old one stays in use if that fails. */
  reopen(): void;
}

/** Bytes that wait while nothing can be written. */
const MOST_WAITING = 0x1000000;

type Destination = ReturnType<typeof pino.destination>;

function destinationAt(place: string | number, trouble: AuditTrouble): Destination {
  const destination = pino.destination({
    dest: place,
    append: true,
    mode: 0o600,
    sync: true,
    maxLength: MOST_WAITING,
  });
  destination.on('error', error => trouble.retried(error));
  destination.on('drop', () => trouble.lost());
  return destination;
}

function loggerTo(stream: DestinationStream): Logger {
  return pino(
    {
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      hooks: { streamWrite: line => `${harmlessJson(line.trimEnd())}\n` },
    },
    stream,
  );
}

/** What went against a peer, or wrong, is a warning. */
const WARNINGS: ReadonlySet<string> = new Set(['denied', 'limited', 'failed', 'unserved', 'policy-refused']);

class FileLog implements AuditLog {
  readonly #path: string | undefined;
  readonly #trouble: AuditTrouble;
  readonly #logger: Logger;
  #destination: Destination;

  constructor(path: string | undefined, trouble: AuditTrouble) {
    this.#path = path;
    this.#trouble = trouble;
    this.#destination = this.#open();
    this.#logger = loggerTo({ write: line => void this.#destination.write(line) });
  }

  write(event: string, facts: () => object): void {
    const entry = { event, ...facts() };
    if (WARNINGS.has(event)) this.#logger.warn(entry);
    else this.#logger.info(entry);
  }

  /** Another destination: one that failed to open its file again could close its old descriptor twice. */
  reopen(): void {
    if (this.#path === undefined) return;
    const old = this.#destination;
    this.#destination = this.#open();
    old.end();
  }

  #open(): Destination {
    if (this.#path === undefined) return destinationAt(1, this.#trouble);
    try {
      // Opened here first: a destination that cannot open its file says so by an event as well.
      closeSync(openSync(this.#path, 'a', 0o600));
      return destinationAt(this.#path, this.#trouble);
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new SystemRefusal(
        `--audit: ${escapeText(this.#path)} cannot be written to by uid ${process.geteuid?.()} (${errno})`,
      );
    }
  }
}

const NOWHERE: AuditLog = { write: () => {}, reopen: () => {} };

/**
 * Opens the log: `-` is standard output, `none` is nowhere.
 *
 * @throws {@link SystemRefusal}
 */
export function openAuditLog(place: string, trouble: AuditTrouble): AuditLog {
  if (place === 'none') return NOWHERE;
  return new FileLog(place === '-' ? undefined : place, trouble);
}
