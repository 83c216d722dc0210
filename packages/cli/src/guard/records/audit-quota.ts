/**
 * So many lines about the same in a second, and the others as one number: who
 * is denied again and again may not fill the disk that the lines about all others need.
 * Every connection that is let in has its lines, whatever else there is.
 */

import type { AuditLog } from './audit-log.ts';

/** Who lost lines, and how many: of one event in one second. */
export interface Suppressed {
  readonly of: string;
  readonly suppressed: number;
  readonly uid?: number;
  /** Of an event that is about a connection that is in. */
  readonly connection?: number;
  /** Which limit, which code, or what a decision says. */
  readonly reason?: string;
}

/** What lines are told apart by. */
interface About {
  readonly uid?: number | undefined;
  readonly connection?: number | undefined;
  readonly reason?: string | undefined;
}

/** What a peer can cause without being let in, or again and again once it is. */
const REPEATED: ReadonlySet<string> = new Set(['denied', 'limited', 'failed', 'unserved']);
const SECOND_MS = 1000;

/** The facts of lines that are repeated. */
interface Facts {
  readonly peer?: { readonly uid?: number };
  readonly connection?: number;
  readonly decision?: { readonly reason: string };
  readonly limit?: string;
  readonly code?: string;
}

/** A denied connection has a number of its own, which tells nothing of who made it. */
function about({ peer, connection, decision, limit, code }: Facts): About {
  const reason = limit ?? code ?? decision?.reason;
  return peer === undefined ? { connection, reason } : { uid: peer.uid, reason };
}

interface Account extends About {
  readonly of: string;
  lines: number;
}

/** Writes to a log, within the quota. */
export class AuditQuota implements AuditLog {
  readonly #log: AuditLog;
  readonly #most: number;
  readonly #tell: (suppressed: Suppressed) => void;
  /** Of this second, which begins with its first line. */
  readonly #accounts = new Map<string, Account>();
  #second: NodeJS.Timeout | undefined;

  /** `most`: lines of one user, event and reason in a second. */
  constructor(log: AuditLog, most: number, tell: (suppressed: Suppressed) => void) {
    this.#log = log;
    this.#most = most;
    this.#tell = tell;
  }

  write(event: string, facts: () => object): void {
    if (!REPEATED.has(event)) {
      this.#log.write(event, facts);
      return;
    }
    const told = facts();
    if (++this.#accountOf(event, about(told)).lines <= this.#most) this.#log.write(event, () => told);
  }

  isWritable(): boolean {
    return this.#log.isWritable();
  }

  reopen(): void {
    this.#log.reopen();
  }

  /** Ends the second. */
  settle(): void {
    clearTimeout(this.#second);
    this.#second = undefined;
    const accounts = [...this.#accounts.values()];
    this.#accounts.clear();
    for (const { of, lines, uid, connection, reason } of accounts) {
      if (lines <= this.#most) continue;
      this.#tell({
        of,
        suppressed: lines - this.#most,
        ...(uid === undefined ? {} : { uid }),
        ...(connection === undefined ? {} : { connection }),
        ...(reason === undefined ? {} : { reason }),
      });
    }
  }

  #accountOf(of: string, { uid, connection, reason }: About): Account {
    this.#second ??= setTimeout(() => this.settle(), SECOND_MS).unref();
    const key = [of, uid ?? '', connection ?? '', reason ?? ''].join(' ');
    let account = this.#accounts.get(key);
    if (account === undefined) {
      account = { of, uid, connection, reason, lines: 0 };
      this.#accounts.set(key, account);
    }
    return account;
  }
}
