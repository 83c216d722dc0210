/**
 * Decides about each new connection, in the turn in which it was accepted and
 * before a byte of it is read: asks the kernel, counts, asks the policy. Whatever
 * goes wrong costs the connection and nothing else.
 */

import type { Socket } from 'node:net';
import type { Decision } from '../authorization/decision.ts';
import { isCredentialFact, type OtherWitnesses } from '../authorization/fact.ts';
import type { Policy } from '../authorization/policy.ts';
import { peerCredentials } from '../credentials/ask.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerTypeError } from '../errors.ts';
import { descriptorLimit } from '../sys/descriptor-limit.ts';
import { descriptorOf, handleOf } from '../sys/socket-handle.ts';
import { processNow } from '../witnesses/identify.ts';
import type { Admission, Refused } from './admissions.ts';
import { publishDenied, publishFailed, publishLimited } from './events.ts';
import { Guests } from './guests.ts';
import { ConnectionCount, type LimitName, type Limits, limitsFault } from './limits.ts';

/** Decides about a peer: a policy, or a function, of which only `true` lets anybody in. */
export type Authorize = Policy | ((peer: PeerCredentials) => boolean);

/** A connection as whoever accepted it holds it: a socket, or a descriptor that no socket has. */
export type Accepted = Socket | number;

/** How a gate decides about each connection. */
export interface DoorOptions {
  readonly authorize: Authorize;
  readonly limits?: Limits;
  /**
   * Facts besides the credentials, for policies with rules about them: for others it is not called. It is given what
   * may be asked about the connection: a socket, or a descriptor that is open for this turn. The functions that it
   * returns are called only if a rule needs them, and in the same turn. `identifyPeer` of `sockcred/witnesses` is such a function.
   */
  readonly identify?: (peer: PeerCredentials, connection: Accepted) => OtherWitnesses;
  /** For messages on `node:diagnostics_channel`. */
  readonly name?: string;
}

/** Let in; or not let in by the policy or a limit; or closed before anybody was asked. */
export type Verdict = Admission | Refused | 'closed';

/** Only this is let in. */
export function isAdmission(verdict: Verdict): verdict is Admission {
  return verdict !== 'closed' && 'decision' in verdict;
}

const BY_FUNCTION = { roles: Object.freeze([]), tried: Object.freeze([]) } as const;
const FUNCTION_ALLOWED: Decision = Object.freeze({ allowed: true, reason: 'allowed', ...BY_FUNCTION });
const FUNCTION_DENIED: Decision = Object.freeze({ allowed: false, reason: 'denied', ...BY_FUNCTION });

/** Are there rules about something that credentials do not tell? */
function needsWitnesses(authorize: Authorize): boolean {
  return typeof authorize !== 'function' && [...authorize.facts].some(fact => !isCredentialFact(fact));
}

function checkedAuthorize(authorize: Authorize): Authorize {
  if (typeof authorize === 'function' || typeof authorize?.decide === 'function') return authorize;
  throw new PeerTypeError('ERR_ARGUMENT', 'authorize must be a policy or a function');
}

function checkedLimits(limits: Limits): Limits {
  const fault = limitsFault(limits);
  if (fault === undefined) return limits;
  throw new PeerTypeError('ERR_ARGUMENT', fault);
}

/** From this number on descriptors are kept for other work. */
function mostDescriptors({ spareDescriptors = 16 }: Limits): number {
  return (descriptorLimit() ?? Infinity) - spareDescriptors;
}

function numberOf(connection: Accepted): number {
  if (typeof connection === 'number') return connection;
  const handle = handleOf(connection);
  return handle === undefined ? -1 : descriptorOf(connection, handle);
}

/** Keeps the door of one gate. */
export class Doorkeeper {
  readonly guests: Guests;
  readonly #options: DoorOptions;
  readonly #count: ConnectionCount;
  #authorize: Authorize;
  #needsWitnesses: boolean;
  #mostDescriptors: number;

  constructor(options: DoorOptions) {
    const limits = checkedLimits(options.limits ?? {});
    this.#options = options;
    this.#authorize = checkedAuthorize(options.authorize);
    this.#needsWitnesses = needsWitnesses(options.authorize);
    this.#count = new ConnectionCount(limits);
    this.guests = new Guests(options.name, this.#count, limits.firstByteMs);
    this.#mostDescriptors = mostDescriptors(limits);
  }

  /** Decides by this from the next connection on. Who is in stays in, with the decision that was made then. */
  replaceAuthorize(authorize: Authorize): void {
    this.#authorize = checkedAuthorize(authorize);
    this.#needsWitnesses = needsWitnesses(authorize);
  }

  /** Counts by these, all of them, from the next connection on. Who is in stays in, and counts. */
  replaceLimits(limits: Limits): void {
    const checked = checkedLimits(limits);
    this.#count.replace(checked, performance.now());
    this.guests.firstByteMs = checked.firstByteMs;
    this.#mostDescriptors = mostDescriptors(checked);
  }

  /** Lets the socket in, or destroys it. Never throws. */
  admits(socket: Socket): boolean {
    const verdict = this.judge(socket);
    const isIn = isAdmission(verdict);
    if (isIn) this.guests.enter(socket, verdict);
    else socket.destroy();
    return isIn;
  }

  /**
   * Decides, and takes the place in the count that whoever is let in gives back when it leaves. Never
   * throws. `maxConnections` is that of the server behind.
   */
  judge(connection: Accepted, maxConnections?: number): Verdict {
    try {
      return this.#judge(connection, maxConnections ?? Infinity);
    } catch (error) {
      publishFailed(() => ({ gate: this.#options.name, error }));
      return 'closed';
    }
  }

  /** Gives back the place of somebody who was let in and could not be served. */
  giveBack({ peer }: Admission): void {
    this.#count.release(peer.uid);
  }

  #judge(connection: Accepted, maxConnections: number): Verdict {
    const { name } = this.#options;
    const early = this.#earlyLimit(connection, maxConnections);
    if (early !== undefined) {
      publishLimited(() => ({ gate: name, limit: early }));
      return 'closed';
    }
    const peer = peerCredentials(connection, { side: 'accepted' });
    const limit = this.#count.take(peer.uid, performance.now());
    if (limit !== undefined) {
      publishLimited(() => ({ gate: name, limit, peer }));
      return { limited: Object.freeze({ peer, limit }) };
    }
    let decision: Decision | undefined;
    try {
      decision = this.#decide(peer, connection);
    } finally {
      if (decision?.allowed !== true) this.#count.release(peer.uid);
    }
    if (decision.allowed) return Object.freeze({ peer, decision });
    publishDenied(() => ({ gate: name, peer, decision }));
    return { denied: Object.freeze({ peer, decision }) };
  }

  #earlyLimit(connection: Accepted, maxConnections: number): LimitName | undefined {
    if (this.guests.count >= maxConnections) return 'maxConnections';
    // The kernel gives the lowest free number: one near the limit means that few are left.
    return numberOf(connection) >= this.#mostDescriptors ? 'spareDescriptors' : undefined;
  }

  #decide(peer: PeerCredentials, connection: Accepted): Decision {
    const authorize = this.#authorize;
    if (typeof authorize === 'function') {
      return authorize(peer) === true ? FUNCTION_ALLOWED : FUNCTION_DENIED;
    }
    if (!this.#needsWitnesses) return authorize.decide(peer);
    const others = this.#options.identify?.(peer, connection);
    return authorize.decide(peer, { process: () => processNow(connection), ...others });
  }
}
