/**
 * The audit log: one line of JSON for each decision and for what else happens,
 * written before the guard goes on, so that none is lost when it is ended.
 * Nothing in a line is obeyed by a terminal, whatever a peer may have named itself.
 */

import { openSync, statfsSync } from 'node:fs';
import { type DestinationStream, type Logger, pino } from 'pino';
import { escapeText } from 'sockcred';
import { SystemRefusal } from '../../exit-codes.ts';
import { harmlessJson } from '../../terminal.ts';

/** What is told of writing, besides the lines. */
export interface AuditTrouble {
  /** Lines wait for the next attempt. */
  retried(error: Error): void;
  /** So many wait that this one was dropped. */
  lost(): void;
}

export interface AuditLog {
  write(event: string, facts: () => object): void;
  /** Tries what waits again. Is nothing left that waits, and room for what is to come? */
  isWritable(): boolean;
  /** Begins a new file if the old one was moved away; the old one stays in use if that fails. */
  reopen(): void;
}

/** Bytes that wait while nothing can be written. */
const MOST_WAITING = 0x1000000;

/** Room that there has to be, so that the lines about a connection can be written once it is let in. */
const LEAST_ROOM = 0x10000;

type Destination = ReturnType<typeof pino.destination>;

function destinationAt(fd: number, trouble: AuditTrouble): Destination {
  const destination = pino.destination({
    dest: fd,
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

/** The place that a descriptor is in, also if its file was moved away. Elsewhere than on Linux nobody can be asked. */
function hasRoom(fd: number): boolean {
  if (process.platform !== 'linux') return true;
  try {
    const { bavail, bsize } = statfsSync(`/proc/self/fd/${fd}`);
    return bavail * bsize >= LEAST_ROOM;
  } catch {
    return false;
  }
}

class FileLog implements AuditLog {
  readonly #path: string | undefined;
  readonly #trouble: AuditTrouble;
  readonly #logger: Logger;
  #destination: Destination;
  #fd = 1;
  #failed = false;

  constructor(path: string | undefined, trouble: AuditTrouble) {
    this.#path = path;
    this.#trouble = {
      retried: error => {
        this.#failed = true;
        trouble.retried(error);
      },
      lost: () => trouble.lost(),
    };
    this.#destination = this.#open();
    this.#logger = loggerTo({ write: line => void this.#destination.write(line) });
  }

  write(event: string, facts: () => object): void {
    const entry = { event, ...facts() };
    if (WARNINGS.has(event)) this.#logger.warn(entry);
    else this.#logger.info(entry);
  }

  isWritable(): boolean {
    if (this.#failed) {
      this.#failed = false;
      this.#destination.write('');
    }
    return !this.#failed && (this.#path === undefined || hasRoom(this.#fd));
  }

  /** Another destination, which begins only where the file could be opened; the old one closes what it had. */
  reopen(): void {
    if (this.#path === undefined) return;
    const old = this.#destination;
    this.#destination = this.#open();
    this.#failed = false;
    old.end();
  }

  #open(): Destination {
    if (this.#path === undefined) return destinationAt(1, this.#trouble);
    try {
      this.#fd = openSync(this.#path, 'a', 0o600);
      return destinationAt(this.#fd, this.#trouble);
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new SystemRefusal(
        `--audit: ${escapeText(this.#path)} cannot be written to by uid ${process.geteuid?.()} (${errno})`,
      );
    }
  }
}

const NOWHERE: AuditLog = { write: () => {}, isWritable: () => true, reopen: () => {} };

/**
 * Opens the log: `-` is standard output, `none` is nowhere.
 *
 * @throws {@link SystemRefusal}
 */
export function openAuditLog(place: string, trouble: AuditTrouble): AuditLog {
  if (place === 'none') return NOWHERE;
  return new FileLog(place === '-' ? undefined : place, trouble);
}
