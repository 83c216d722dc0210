/**
 * How many connections, of all peers and of each user, and how fast? Pure: the
 * time is given in. Peers whose user is unknown share one account.
 */

/** Most of each; what is left out is not limited. */
export interface Limits {
  /** Connections at the same time. */
  readonly connections?: number;
  /** Connections of one user at the same time. */
  readonly connectionsPerUid?: number;
  /** Connections that one user may make: `count` at once, and that many again in every `seconds`. */
  readonly acceptsPerUid?: { readonly count: number; readonly seconds: number };
  /**
   * Milliseconds within which the first byte has to be read, or the connection is closed; where descriptors are
   * handed on, within which it has to arrive.
   */
  readonly firstByteMs?: number;
  /**
   * File descriptors that stay free for the program's other work: a connection that would take one of them is
   * closed at once. Default: 16. Linux. With 0, and wherever others use up the rest, connections wait in the
   * backlog instead until descriptors are free: in Node; elsewhere the runtime may close them.
   */
  readonly spareDescriptors?: number;
}

/** A limit that a connection may run into; `maxConnections` is the server's own. */
export type LimitName = keyof Limits | 'maxConnections';

/** One user's connections, and how many more they may make now. */
interface Account {
  open: number;
  left: number;
  counted: number;
}

/** Forgets accounts that say nothing any more once there are this many. */
const MANY_ACCOUNTS = 1024;

type Rate = NonNullable<Limits['acceptsPerUid']>;

/** Counts what is open, and says no in time. */
export class ConnectionCount {
  readonly #accounts = new Map<number | undefined, Account>();
  #limits: Limits;
  /** What accounts are kept by: the last rate that there was, so that a limit that was gone for a while forgives nobody. */
  #rate: Rate | undefined;
  #open = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#rate = limits.acceptsPerUid;
  }

  /**
   * From the next connection on. What is open counts on. Accounts keep their part of the whole: a full one stays full.
   * Whoever would be refused before is refused after it, also where that part of much more would be a connection.
   */
  replace(limits: Limits, now: number): void {
    this.#limits = limits;
    const rate = limits.acceptsPerUid;
    if (rate === undefined) return;
    for (const account of this.#accounts.values()) {
      this.#refill(account, now);
      const part = this.#rate === undefined ? rate.count : (account.left * rate.count) / this.#rate.count;
      const isRefused = this.#rate !== undefined && account.left < 1;
      account.left = isRefused ? Math.min(account.left, part) : part;
    }
    this.#rate = rate;
  }

  get open(): number {
    return this.#open;
  }

  /** Takes a place for one more connection of this user, or names the limit that there is none. `now` in ms. */
  take(uid: number | undefined, now: number): LimitName | undefined {
    const { connections = Infinity, connectionsPerUid = Infinity } = this.#limits;
    const account = this.#account(uid, now);
    if (!this.#mayCome(account, now)) return 'acceptsPerUid';
    if (this.#open >= connections) return 'connections';
    if (account.open >= connectionsPerUid) return 'connectionsPerUid';
    account.open++;
    this.#open++;
    return undefined;
  }

  /** Gives a place back. */
  release(uid: number | undefined): void {
    const account = this.#accounts.get(uid);
    if (account !== undefined) account.open--;
    this.#open--;
  }

  /** A bucket that holds `count` and fills up in `seconds`; every attempt takes one out, also a refused one. */
  #mayCome(account: Account, now: number): boolean {
    if (this.#limits.acceptsPerUid === undefined) return true;
    this.#refill(account, now);
    if (account.left < 1) return false;
    account.left--;
    return true;
  }

  #refill(account: Account, now: number): void {
    const { count, seconds } = this.#rate ?? { count: 0, seconds: 1 };
    const passed = Math.max(0, now - account.counted);
    account.left = Math.min(count, account.left + (passed * count) / (seconds * 1000));
    account.counted = now;
  }

  #account(uid: number | undefined, now: number): Account {
    const found = this.#accounts.get(uid);
    if (found !== undefined) return found;
    if (this.#accounts.size >= MANY_ACCOUNTS) this.#forget(now);
    const account = { open: 0, left: this.#rate?.count ?? 0, counted: now };
    this.#accounts.set(uid, account);
    return account;
  }

  /** Drops who has nothing open and may make as many connections as anybody new. */
  #forget(now: number): void {
    const count = this.#rate?.count ?? 0;
    for (const [uid, account] of this.#accounts) {
      this.#refill(account, now);
      if (account.open === 0 && account.left >= count) this.#accounts.delete(uid);
    }
  }
}

/**
 * What is wrong with limits, as half a sentence that names the first one; undefined where nothing is. For programs
 * that read them from a file.
 *
 * @example
 * ```ts
 * import { limitsFault } from 'sockcred/gate';
 *
 * console.log(limitsFault({ connections: -1 })); // limits.connections must be an integer from 0 to 2147483647
 * ```
 */
export function limitsFault(limits: Limits): string | undefined {
  const { acceptsPerUid, ...counts } = limits;
  for (const [name, value] of Object.entries(counts)) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= 0x7fffffff)) {
      return `limits.${name} must be an integer from 0 to 2147483647`;
    }
  }
  if (acceptsPerUid === undefined) return undefined;
  const { count, seconds } = acceptsPerUid;
  if (Number.isInteger(count) && count >= 1 && Number.isFinite(seconds) && seconds > 0) return undefined;
  return 'limits.acceptsPerUid must be a count from 1 and seconds above 0';
}
