/**
 * When a descriptor can be read or written, without the runtime's knowing of
 * it: all watched descriptors are in one private set per thread, and the
 * runtime waits for that set. A descriptor that the runtime itself waits for
 * may be watched here, which the runtime's own loop would not survive.
 *
 * A watch reports once per `arm()`. Reports are matched by a number of their
 * own, so that a descriptor that was closed and given away again is never
 * taken for the one that was meant.
 */

import { PeerError } from '../errors.ts';
import { addon } from './addon.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { uncaught } from './uncaught.ts';

/** `enum readiness_interest` of `native/readiness.h`. */
export const READABLE = 1;
export const WRITABLE = 2;
/** The other end is gone, or there is an error to be read: reported whether asked for or not. */
export const HANGUP = 4;

const SYS_UNSUPPORTED = 0x10002;

/** One descriptor that is waited for. */
export interface Watch {
  /**
   * Asks for one report of `READABLE`, `WRITABLE` or both; replaces what was asked before.
   *
   * @throws {@link PeerError} `ERR_PEER_SYSTEM`
   */
  arm(interest: number): void;
  /** No report comes any more. To be called before the descriptor is closed, where that is in our hands. */
  close(): void;
  /** Whether waiting keeps the program running, as it does at first. */
  hold(keepsRunning: boolean): void;
}

interface Waiting {
  report(what: number): void;
}

/** By token; tokens are not used again before four thousand million others. */
const waiting = new Map<number, Waiting>();
/** Which watch a descriptor belongs to by now: an older one may not end what is not its own. */
const owner = new Map<number, object>();
let reports = new Uint32Array(0);
let lastToken = 0;
let holding = 0;
let byThread = false;

function deliver(count: number): void {
  // A report may lead to a wait of its own, which overwrites what is read here.
  const given = reports.slice(0, count * 2);
  for (let at = 0; at < given.length; at += 2) {
    const token = given[at] as number;
    const watch = waiting.get(token);
    if (watch === undefined) continue;
    waiting.delete(token);
    try {
      watch.report(given[at + 1] as number);
    } catch (error) {
      uncaught(error);
    }
  }
}

function refused(outcome: Outcome, what: string): PeerError {
  const errno = outcome.errno ?? outcome.kind;
  if (outcome.kind === 'unsupported') {
    const message = `waiting for messages is not built in for ${process.platform}`;
    return new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
  }
  return new PeerError('ERR_PEER_SYSTEM', `${what}: ${errno}`, { scope: 'connection', errno });
}

/**
 * Does a thread have to wait? Bun and Deno have libuv's symbols. In Bun the process ends in them,
 * and in Deno (2.9) a second report is lost: only their names tell.
 */
function needsThread(): boolean {
  return process.versions['bun'] !== undefined || process.versions['deno'] !== undefined;
}

function begin(): void {
  if (reports.length > 0) return;
  byThread = needsThread();
  let memory = addon().readinessOpen(deliver, byThread);
  if (memory === -SYS_UNSUPPORTED && !byThread) {
    byThread = true;
    memory = addon().readinessOpen(deliver, true);
  }
  if (typeof memory === 'number') throw refused(outcomeOf(-memory), 'no set to wait in');
  reports = new Uint32Array(memory);
}

/** Can descriptors be waited for here, in whatever way? */
export function canWait(): boolean {
  try {
    begin();
  } catch {
    return false;
  }
  return true;
}

/** Does the runtime's own loop wait here? A thread of ours costs each report a change of threads. */
export function waitsByLoop(): boolean {
  return canWait() && !byThread;
}

function nextToken(): number {
  do lastToken = lastToken === 0xffffffff ? 1 : lastToken + 1;
  while (waiting.has(lastToken));
  return lastToken;
}

function changeHolding(by: number): void {
  const before = holding;
  holding += by;
  if ((before === 0) !== (holding === 0)) addon().readinessHold(holding > 0);
}

/**
 * Prepares to wait for a descriptor; nothing is waited for before `arm()`.
 *
 * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED`, `ERR_PEER_ADDON`, `ERR_PEER_SYSTEM`
 */
export function watch(fd: number, report: (what: number) => void): Watch {
  begin();
  let token = 0;
  let closed = false;
  let wanted = true;
  let held = false;
  const hold = (): void => {
    const should = wanted && token !== 0 && !closed;
    if (should === held) return;
    held = should;
    changeHolding(should ? 1 : -1);
  };
  const forget = (): void => {
    waiting.delete(token);
    token = 0;
  };
  const self: Watch = {
    arm(interest) {
      if (closed) return;
      forget();
      const made = nextToken();
      const status = addon().readinessWatch(fd, interest, made);
      if (status !== 0) {
        hold();
        throw refused(outcomeOf(-status), `cannot wait for fd ${fd}`);
      }
      owner.set(fd, self);
      token = made;
      waiting.set(token, {
        report(what) {
          token = 0;
          hold();
          report(what);
        },
      });
      hold();
    },
    close() {
      if (closed) return;
      closed = true;
      forget();
      hold();
      if (owner.get(fd) !== self) return;
      owner.delete(fd);
      // ENOENT and EBADF: it was closed before, and has left the set by itself.
      addon().readinessUnwatch(fd);
    },
    hold(keepsRunning) {
      wanted = keepsRunning;
      hold();
    },
  };
  return self;
}
