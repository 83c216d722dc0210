/**
 * Decides about each new connection, in the turn in which it was accepted and
 * before a byte of it is read: asks the kernel, counts, asks the policy. Whatever
 * goes wrong costs the connection and nothing else.
 */

import type { Socket } from 'node:net';
import type { Decision } from '../authorization/decision.ts';
import type { OtherWitnesses } from '../authorization/fact.ts';
import type { Policy } from '../authorization/policy.ts';
import { peerCredentials } from '../credentials/ask.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerTypeError } from '../errors.ts';
import { descriptorLimit } from '../sys/descriptor-limit.ts';
import { descriptorOf, handleOf } from '../sys/socket-handle.ts';
import { rememberAdmission } from './admissions.ts';
import { publishAdmitted, publishDenied, publishFailed, publishLimited } from './events.ts';
import { ConnectionCount, type LimitName, type Limits, limitsFault } from './limits.ts';
import { socketWitnesses } from './socket-witnesses.ts';

/** Decides about a peer: a policy, or a function, of which only `true` lets anybody in. */
export type Authorize = Policy | ((peer: PeerCredentials) => boolean);

/** What a gate does with each connection. */
export interface GateOptions {
  readonly authorize: Authorize;
  readonly limits?: Limits;
  /**
   * Facts besides the credentials, for rules that are about them. Called for each connection; the functions
   * that it returns are called only if a rule needs them.
   */
  readonly identify?: (peer: PeerCredentials, socket: Socket) => OtherWitnesses;
  /** For messages on `node:diagnostics_channel`. */
  readonly name?: string;
}

const BY_FUNCTION = { roles: Object.freeze([]), tried: Object.freeze([]) } as const;
const FUNCTION_ALLOWED: Decision = Object.freeze({ allowed: true, reason: 'allowed', ...BY_FUNCTION });
const FUNCTION_DENIED: Decision = Object.freeze({ allowed: false, reason: 'denied', ...BY_FUNCTION });

/** A peer may reset its connection at any time: that is never an error of the program, whoever listens for it. */
function ignore(): void {}

function checkedAuthorize(authorize: Authorize): Authorize {
  if (typeof authorize === 'function' || typeof authorize?.decide === 'function') return authorize;
  throw new PeerTypeError('ERR_ARGUMENT', 'authorize must be a policy or a function');
}

/** Keeps the door of one gate. */
export class Doorkeeper {
  readonly #options: GateOptions;
  readonly #count: ConnectionCount;
  /** The connections that were let in, each with its user. */
  readonly #sockets = new Map<Socket, number | undefined>();
  /** One function for all of them: a closure for each would cost more than the rest of the bookkeeping. */
  readonly #leave: (this: Socket) => void;
  readonly #mostDescriptors: number;
  #authorize: Authorize;
  #emptied: (() => void) | undefined;

  constructor(options: GateOptions) {
    const limits = options.limits ?? {};
    const fault = limitsFault(limits);
    if (fault !== undefined) throw new PeerTypeError('ERR_ARGUMENT', fault);
    this.#options = options;
    this.#authorize = checkedAuthorize(options.authorize);
    this.#count = new ConnectionCount(limits);
    const leave = (socket: Socket) => this.#release(socket);
    this.#leave = function () {
      leave(this);
    };
    this.#mostDescriptors = (descriptorLimit() ?? Infinity) - (limits.spareDescriptors ?? 16);
  }

  /** The connections that were let in and are open. */
  get sockets(): Iterable<Socket> {
    return this.#sockets.keys();
  }

  /** How many there are. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Resolves once the last connection that was let in has closed. */
  empty(): Promise<void> {
    return new Promise(done => {
      if (this.#sockets.size === 0) return done();
      const before = this.#emptied;
      this.#emptied = () => {
        before?.();
        done();
      };
    });
  }

  /** Decides by this from the next connection on. Who is in stays in, with the decision that was made then. */
  replaceAuthorize(authorize: Authorize): void {
    this.#authorize = checkedAuthorize(authorize);
  }

  /** Lets the socket in, or destroys it. Never throws. `maxConnections` is that of the server behind. */
  admits(socket: Socket, maxConnections?: number): boolean {
    let admitted = false;
    try {
      admitted = this.#admit(socket, maxConnections ?? Infinity);
    } catch (error) {
      publishFailed(() => ({ gate: this.#options.name, error }));
    }
    if (!admitted) socket.destroy();
    return admitted;
  }

  #release(socket: Socket): void {
    // A socket that connects somewhere else closes more than once.
    if (!this.#sockets.has(socket)) return;
    this.#count.release(this.#sockets.get(socket));
    this.#sockets.delete(socket);
    if (this.#sockets.size === 0) this.#emptied?.();
  }

  /** Closes a connection that has been let in for running into a limit. */
  #cut(socket: Socket, limit: LimitName, peer: PeerCredentials): void {
    publishLimited(() => ({ gate: this.#options.name, limit, peer }));
    socket.destroy();
  }

  #admit(socket: Socket, maxConnections: number): boolean {
    const { name, limits } = this.#options;
    const early = this.#earlyLimit(socket, maxConnections);
    if (early !== undefined) {
      publishLimited(() => ({ gate: name, limit: early }));
      return false;
    }
    const peer = peerCredentials(socket, { side: 'accepted' });
    const limit = this.#count.take(peer.uid, performance.now());
    if (limit !== undefined) {
      publishLimited(() => ({ gate: name, limit, peer }));
      return false;
    }
    let decision: Decision | undefined;
    try {
      decision = this.#decide(peer, socket);
    } finally {
      if (decision?.allowed !== true) this.#count.release(peer.uid);
    }
    if (!decision.allowed) {
      publishDenied(() => ({ gate: name, peer, decision }));
      return false;
    }
    rememberAdmission(socket, Object.freeze({ peer, decision }));
    this.#sockets.set(socket, peer.uid);
    socket.on('error', ignore).on('close', this.#leave);
    if (limits?.firstByteMs !== undefined) this.#expectByte(socket, limits.firstByteMs, peer);
    publishAdmitted(() => ({ gate: name, peer, decision, socket }));
    return true;
  }

  #earlyLimit(socket: Socket, maxConnections: number): LimitName | undefined {
    if (this.#sockets.size >= maxConnections) return 'maxConnections';
    const handle = handleOf(socket);
    // The kernel gives the lowest free number: one near the limit means that few are left.
    const fd = handle === undefined ? -1 : descriptorOf(socket, handle);
    return fd >= this.#mostDescriptors ? 'spareDescriptors' : undefined;
  }

  #decide(peer: PeerCredentials, socket: Socket): Decision {
    const authorize = this.#authorize;
    if (typeof authorize === 'function') {
      return authorize(peer) === true ? FUNCTION_ALLOWED : FUNCTION_DENIED;
    }
    const { identify } = this.#options;
    if (identify === undefined && !authorize.facts.has('process')) return authorize.decide(peer);
    return authorize.decide(peer, { ...socketWitnesses(socket), ...identify?.(peer, socket) });
  }

  #expectByte(socket: Socket, milliseconds: number, peer: PeerCredentials): void {
    const look = () => {
      if (socket.bytesRead === 0 && !socket.destroyed) this.#cut(socket, 'firstByteMs', peer);
    };
    // In a turn that began late, what has arrived in time is read only after the timers: hence one turn more.
    const timer = setTimeout(() => setImmediate(look), milliseconds);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  }
}
