/**
 * Who is in: every connection that was let in, from then until it has ended, as a
 * socket or as a descriptor. A deadline for the first byte is kept here as well.
 */

import type { Socket } from 'node:net';
import type { Decision } from '../authorization/decision.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { READABLE, watch } from '../sys/readiness.ts';
import { wasSentAway } from '../sys/socket-handle.ts';
import { type Admission, rememberAdmission } from './admissions.ts';
import { type EndReason, publishAdmitted, publishEnded, publishFailed, publishLimited } from './events.ts';
import type { ConnectionCount } from './limits.ts';

/** A connection that was let in, and that no object of the runtime holds. */
export interface AdmittedConnection {
  /** Non-blocking and close-on-exec. It belongs to whoever is given it. */
  readonly fd: number;
  readonly peer: PeerCredentials;
  readonly decision: Decision;
  /** Says that the connection is over, after the descriptor was closed or given away: it counts no longer. */
  ended(): void;
}

/** A peer may reset its connection at any time: that is never an error of the program, whoever listens for it. */
function ignore(): void {}

/** How often it is looked for sockets that were sent to another process later than at once. */
const SENT_AWAY_MS = 1000;

/** Connections of one gate. */
export class Guests {
  /** For those who come from now on. */
  firstByteMs: number | undefined;
  readonly #gate: string | undefined;
  readonly #places: ConnectionCount;
  readonly #sockets = new Map<Socket, PeerCredentials>();
  /** Of the sockets that do not end by themselves. */
  readonly #reasons = new Map<Socket, EndReason>();
  readonly #descriptors = new Set<AdmittedConnection>();
  /** How those are closed that nobody serves yet. */
  readonly #waiting = new Map<AdmittedConnection, (reason: EndReason) => void>();
  /** One function for all of them: a closure for each would cost more than the rest of the bookkeeping. */
  readonly #leave: (this: Socket) => void;
  #emptied: (() => void) | undefined;
  #looking: NodeJS.Timeout | undefined;

  constructor(gate: string | undefined, places: ConnectionCount, firstByteMs: number | undefined) {
    this.#gate = gate;
    this.#places = places;
    this.firstByteMs = firstByteMs;
    const leave = (socket: Socket) => this.#release(socket);
    this.#leave = function () {
      leave(this);
    };
  }

  get count(): number {
    return this.#sockets.size + this.#descriptors.size;
  }

  /** Resolves once the last one has left. */
  empty(): Promise<void> {
    return new Promise(done => {
      if (this.count === 0) return done();
      const before = this.#emptied;
      this.#emptied = () => {
        before?.();
        done();
      };
    });
  }

  /** A socket that was sent to another process is in no longer, and does not say so. */
  seeOff(socket: Socket): void {
    if (wasSentAway(socket)) this.#release(socket);
  }

  /** Cuts the sockets. Descriptors are for those to close who have them: they are forgotten. */
  cut(): void {
    for (const socket of this.#sockets.keys()) this.#destroy(socket, 'cut');
    for (const close of this.#waiting.values()) close('cut');
    for (const connection of this.#descriptors) this.#forget(connection, 'cut');
  }

  /** A socket is in until it closes, or is sent to another process. */
  enter(socket: Socket, admission: Admission): void {
    const { peer, decision } = admission;
    rememberAdmission(socket, admission);
    this.#sockets.set(socket, peer);
    socket.on('error', ignore).on('close', this.#leave);
    if (this.firstByteMs !== undefined) this.#expectByte(socket, this.firstByteMs, peer);
    this.#looking ??= setInterval(() => this.#lookForSent(), SENT_AWAY_MS).unref();
    publishAdmitted(() => ({ gate: this.#gate, peer, decision, socket }));
  }

  /** A descriptor is in until that is said; whoever serves it gets it once its first byte, or its end, is there. */
  enterDescriptor(
    fd: number,
    { peer, decision }: Admission,
    serve: (connection: AdmittedConnection) => void,
  ): void {
    const connection: AdmittedConnection = {
      fd,
      peer,
      decision,
      ended: () => this.#forget(connection, 'closed'),
    };
    this.#descriptors.add(connection);
    publishAdmitted(() => ({ gate: this.#gate, peer, decision }));
    if (this.firstByteMs === undefined) serve(connection);
    else this.#awaitByte(connection, this.firstByteMs, serve);
  }

  #lookForSent(): void {
    for (const socket of this.#sockets.keys()) this.seeOff(socket);
    if (this.#sockets.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #release(socket: Socket): void {
    // A socket that connects somewhere else closes more than once.
    const peer = this.#sockets.get(socket);
    if (peer === undefined) return;
    const reason = this.#reasons.get(socket) ?? 'closed';
    this.#sockets.delete(socket);
    this.#reasons.delete(socket);
    this.#left(peer, reason);
  }

  #forget(connection: AdmittedConnection, reason: EndReason): void {
    if (this.#descriptors.delete(connection)) this.#left(connection.peer, reason);
  }

  #destroy(socket: Socket, reason: EndReason): void {
    if (socket.destroyed) return;
    this.#reasons.set(socket, reason);
    socket.destroy();
  }

  #left(peer: PeerCredentials, reason: EndReason): void {
    this.#places.release(peer.uid);
    publishEnded(() => ({ gate: this.#gate, peer, reason }));
    if (this.count === 0) this.#emptied?.();
  }

  #late(peer: PeerCredentials): void {
    publishLimited(() => ({ gate: this.#gate, limit: 'firstByteMs', peer }));
  }

  #expectByte(socket: Socket, milliseconds: number, peer: PeerCredentials): void {
    const look = () => {
      this.seeOff(socket);
      if (socket.bytesRead !== 0 || socket.destroyed || !this.#sockets.has(socket)) return;
      this.#late(peer);
      this.#destroy(socket, 'firstByteMs');
    };
    // In a turn that began late, what has arrived in time is read only after the timers: hence one turn more.
    const timer = setTimeout(() => setImmediate(look), milliseconds);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  }

  #awaitByte(
    connection: AdmittedConnection,
    milliseconds: number,
    serve: (connection: AdmittedConnection) => void,
  ): void {
    const stopWaiting = () => {
      this.#waiting.delete(connection);
      clearTimeout(timer);
      waiting.close();
    };
    const close = (reason: EndReason) => {
      stopWaiting();
      closeDescriptor(connection.fd);
      this.#forget(connection, reason);
    };
    const waiting = watch(connection.fd, () => {
      stopWaiting();
      serve(connection);
    });
    const look = () => {
      if (!this.#waiting.has(connection)) return;
      this.#late(connection.peer);
      close('firstByteMs');
    };
    const timer = setTimeout(() => setImmediate(look), milliseconds);
    timer.unref();
    this.#waiting.set(connection, close);
    try {
      waiting.arm(READABLE);
    } catch (error) {
      publishFailed(() => ({ gate: this.#gate, error }));
      close('failed');
    }
  }
}
