/**
 * A gate: accepts on a Unix socket, asks the kernel who it is, decides, and
 * hands those who may come in to any server, before a byte is parsed.
 */

import { Socket } from 'node:net';
import { PeerError, PeerTypeError } from '../errors.ts';
import type { Listening, ListenOptions } from '../listening/listen-at.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import { MAKES_SOCKETS } from '../sys/runtime-servers.ts';
import type { Admission, Refused } from './admissions.ts';
import { type Accepted, type Authorize, Doorkeeper, type DoorOptions, isAdmission } from './doorkeeper.ts';
import { acceptsDescriptors, adoptEntrance, type Entrance, openEntrance, type Wanted } from './entrance.ts';
import { publishFailed } from './events.ts';
import type { AdmittedConnection } from './guests.ts';
import { HandOver, type Target } from './hand-over.ts';
import type { Limits } from './limits.ts';
import { Refusal, type RefuseOptions } from './refusal.ts';

/** What a gate does with each connection. */
export interface GateOptions extends DoorOptions {
  /** Tells those who are not let in; without it they are closed at once. */
  readonly refuse?: RefuseOptions;
}

/** How a gate is closed. */
export interface CloseOptions {
  /**
   * Milliseconds that open connections have to end by themselves before they are cut, from 0 to 2147483647.
   * Default: 2000.
   */
  readonly graceMs?: number;
}

/** In front of one server. */
export interface Gate {
  /** Connections that were let in and are open, but for those that were sent to another process (`child.send()`). */
  readonly connections: number;
  /**
   * Says who serves those who are let in; once. Gives the gate itself back.
   *
   * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED` for `node:https` in Bun, which would read plain HTTP.
   */
  handTo(target: Target): Gate;
  /**
   * The same for somebody who takes bare descriptors: to relay them, or to pass them on. No `net.Socket` is made.
   * With `limits.firstByteMs` each is handed on once there is something to read.
   *
   * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED` where nothing but a `net.Server` can accept; and in Bun with
   * `refuse`, since no socket can be made there for those who are to be told.
   */
  handDescriptorsTo(serve: (connection: AdmittedConnection) => void): Gate;
  /**
   * Listens at a path, as `listenAt()` does; may be done for several.
   *
   * @throws {@link PeerError} as `listenAt()`; `ERR_PEER_CLOSED` if the gate was closed meanwhile.
   */
  listen(path: string, options?: ListenOptions): Promise<Listening>;
  /**
   * Accepts from a Unix stream socket that listens already, as those of socket activation do; it is the gate's from
   * then on. Its file, if it has one, stays.
   *
   * @throws {@link PeerTypeError} `ERR_ARGUMENT`
   * @throws {@link PeerError} `ERR_PEER_CLOSED` if the gate was closed meanwhile.
   */
  listenOn(fd: number): Promise<void>;
  /** Decides by this from the next connection on. Who is in stays in, with the decision that was made then. */
  replaceAuthorize(authorize: Authorize): void;
  /**
   * Counts by these from the next connection on, in place of all that were given before: what is left out is not
   * limited any more. Who is in stays in, also where that is more than there may be now, counts, and keeps the deadline for
   * the first byte that it came with. Of another `acceptsPerUid` each user has the part that was left of
   * the old one; whoever had come too often has to wait all the same.
   *
   * @throws {@link PeerTypeError} `ERR_ARGUMENT`; then nothing has changed.
   */
  replaceLimits(limits: Limits): void;
  /**
   * Stops listening, lets open connections end, cuts those that take longer. Of descriptors that were handed on only
   * the end is awaited: who has them closes them.
   *
   * @throws {@link PeerTypeError} `ERR_ARGUMENT`; then nothing is closed.
   */
  close(options?: CloseOptions): Promise<void>;
}

const GRACE_MS = 2000;
const IDLE_CHECK_MS = 50;

type Serve = (connection: Accepted, admission: Admission) => void;

function unsupported(message: string): PeerError {
  return new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
}

function checkedGrace(graceMs = GRACE_MS): number {
  // Timers take a longer time for none at all.
  if (graceMs >= 0 && graceMs <= 0x7fffffff) return graceMs;
  throw new PeerTypeError('ERR_ARGUMENT', 'graceMs must be a number from 0 to 2147483647');
}

function discard(connection: Accepted): void {
  if (typeof connection === 'number') closeDescriptor(connection);
  else connection.destroy();
}

class GateInFront implements Gate {
  readonly #options: GateOptions;
  readonly #doorkeeper: Doorkeeper;
  readonly #refusal: Refusal | undefined;
  readonly #entrances = new Set<Entrance>();
  #handOver: HandOver | undefined;
  #serve: Serve | undefined;
  #wanted: Wanted = 'sockets';
  /** How often it was closed. */
  #closings = 0;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#doorkeeper = new Doorkeeper(options);
    this.#refusal = options.refuse === undefined ? undefined : new Refusal(options.refuse);
  }

  get connections(): number {
    return this.#doorkeeper.guests.count;
  }

  handTo(target: Target): Gate {
    this.#mustBeUntold();
    const handOver = new HandOver(target);
    this.#handOver = handOver;
    this.#serve = (connection, admission) => {
      const socket = this.#socketOver(connection);
      if (socket === undefined) return this.#doorkeeper.giveBack(admission);
      this.#doorkeeper.guests.enter(socket, admission);
      handOver.give(socket);
      this.#doorkeeper.guests.seeOff(socket);
    };
    return this;
  }

  handDescriptorsTo(serve: (connection: AdmittedConnection) => void): Gate {
    this.#mustBeUntold();
    if (typeof serve !== 'function') {
      throw new PeerTypeError('ERR_ARGUMENT', 'descriptors are handed to a function');
    }
    if (!acceptsDescriptors()) {
      throw unsupported('here a net.Server accepts, which keeps descriptors to itself');
    }
    if (!MAKES_SOCKETS && this.#refusal !== undefined) {
      throw unsupported('Bun makes no socket of a descriptor: leave out refuse, which tells by sockets');
    }
    this.#wanted = 'descriptors';
    this.#serve = (connection, admission) => {
      this.#doorkeeper.guests.enterDescriptor(connection as number, admission, serve);
    };
    return this;
  }

  async listen(path: string, options?: ListenOptions): Promise<Listening> {
    const serve = this.#server();
    const entrance = await this.#begin(openEntrance(path, options, this.#wanted, this.#events(serve)));
    return {
      path: entrance.path,
      close: () => {
        this.#entrances.delete(entrance);
        return entrance.close();
      },
    };
  }

  async listenOn(fd: number): Promise<void> {
    const serve = this.#server();
    await this.#begin(adoptEntrance(fd, this.#wanted, this.#events(serve)));
  }

  replaceAuthorize(authorize: Authorize): void {
    this.#doorkeeper.replaceAuthorize(authorize);
  }

  replaceLimits(limits: Limits): void {
    this.#doorkeeper.replaceLimits(limits);
  }

  async close(options?: CloseOptions): Promise<void> {
    const graceMs = checkedGrace(options?.graceMs);
    this.#closings++;
    const { guests } = this.#doorkeeper;
    const entrances = [...this.#entrances];
    this.#entrances.clear();
    const idle = setInterval(() => this.#handOver?.closeIdle(), IDLE_CHECK_MS);
    const cut = setTimeout(() => guests.cut(), graceMs);
    this.#handOver?.closeIdle();
    this.#refusal?.end();
    try {
      await Promise.all([...entrances.map(entrance => entrance.close()), guests.empty()]);
    } finally {
      clearInterval(idle);
      clearTimeout(cut);
      this.#handOver?.end();
    }
  }

  #mustBeUntold(): void {
    if (this.#serve === undefined) return;
    throw new PeerTypeError('ERR_ARGUMENT', 'this gate has been told already who serves');
  }

  #server(): Serve {
    if (this.#serve !== undefined) return this.#serve;
    throw new PeerTypeError('ERR_ARGUMENT', 'handTo() has to say who serves before the gate listens');
  }

  async #begin(opening: Promise<Entrance>): Promise<Entrance> {
    const closings = this.#closings;
    const entrance = await opening;
    if (this.#closings !== closings) {
      await entrance.close();
      throw new PeerError('ERR_PEER_CLOSED', 'the gate was closed before it listened', { scope: 'call' });
    }
    this.#entrances.add(entrance);
    this.#handOver?.begin();
    this.#refusal?.begin();
    return entrance;
  }

  #events(serve: Serve) {
    return {
      accepted: (connection: Accepted) => this.#take(connection, serve),
      // What accept(2) reports while listening (no descriptors left, say) passes; it must not end the program.
      failed: (error: unknown) => publishFailed(() => ({ gate: this.#options.name, error })),
    };
  }

  #take(connection: Accepted, serve: Serve): void {
    const verdict = this.#doorkeeper.judge(connection, this.#handOver?.maxConnections);
    if (isAdmission(verdict)) serve(connection, verdict);
    else if (verdict !== 'closed' && this.#refusal?.hasRoomFor(verdict) === true)
      this.#refuse(connection, verdict, this.#refusal);
    else discard(connection);
  }

  #refuse(connection: Accepted, refused: Refused, refusal: Refusal): void {
    const socket = this.#socketOver(connection);
    if (socket === undefined) refusal.giveBack(refused);
    else refusal.give(socket, refused);
  }

  /** Half-open until the server behind says otherwise; closed where there can be none. */
  #socketOver(connection: Accepted): Socket | undefined {
    if (typeof connection !== 'number') return connection;
    try {
      return new Socket({ fd: connection, allowHalfOpen: true, readable: true, writable: true });
    } catch (error) {
      closeDescriptor(connection);
      publishFailed(() => ({ gate: this.#options.name, error }));
      return undefined;
    }
  }
}

/**
 * Makes a gate. Say with `handTo()` who serves, and with `listen()` where.
 *
 * Servers behind it never listen themselves; their timeouts, `maxConnections` and
 * `allowHalfOpen` hold as if they did. Nothing that a peer does ends more than its
 * own connection, also an error on a socket that nobody listens for. Events are
 * published on `node:diagnostics_channel`: `sockcred:gate:admitted`, `sockcred:gate:ended` once for each of those,
 * `sockcred:gate:denied`, `sockcred:gate:limited`, `sockcred:gate:failed`.
 *
 * @remarks
 * Trust: the kernel, as `peerCredentials()`. Time: the decision is made when the connection is accepted, and once.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { sameUserOnly } from 'sockcred/authorization';
 * import { createGate, peerOf } from 'sockcred/gate';
 *
 * const http = createServer((request, response) => response.end(`welcome, ${peerOf(request).uid}\n`));
 * const gate = createGate({ authorize: sameUserOnly(), limits: { connectionsPerUid: 64 } }).handTo(http);
 * await gate.listen('@sockcred-gate-example');
 * await gate.close();
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 */
export function createGate(options: GateOptions): Gate {
  return new GateInFront(options);
}
