/**
 * A gate: accepts on a Unix socket, asks the kernel who it is, decides, and
 * hands those who may come in to any server, before a byte is parsed.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { PeerTypeError } from '../errors.ts';
import { type Listening, type ListenOptions, listenAt } from '../listening/listen-at.ts';
import { type Authorize, Doorkeeper, type GateOptions } from './doorkeeper.ts';
import { publishFailed } from './events.ts';
import { HandOver, type Target } from './hand-over.ts';

/** How a gate is closed. */
export interface CloseOptions {
  /** Milliseconds that open connections have to end by themselves before they are cut. Default: 2000. */
  readonly graceMs?: number;
}

/** In front of one server. */
export interface Gate {
  /** What accepts. Give it to `listen({ fd })` for socket activation; `listen()` is for paths. */
  readonly server: Server;
  /** Connections that were let in and are open. */
  readonly connections: number;
  /** Says who serves those who are let in; once. Gives the gate itself back. */
  handTo(target: Target): Gate;
  /** Listens at a path, as `listenAt()` does. */
  listen(path: string, options?: ListenOptions): Promise<Listening>;
  /** Decides by this from the next connection on. Who is in stays in, with the decision that was made then. */
  replaceAuthorize(authorize: Authorize): void;
  /** Stops listening, lets open connections end, cuts those that take longer. */
  close(options?: CloseOptions): Promise<void>;
}

const GRACE_MS = 2000;
const IDLE_CHECK_MS = 50;

/**
 * Makes a gate. Say with `handTo()` who serves, and with `listen()` where.
 *
 * Servers behind it never listen themselves; their timeouts, `maxConnections` and
 * `allowHalfOpen` hold as if they did. Nothing that a peer does ends more than its
 * own connection, also an error on a socket that nobody listens for. Events are
 * published on `node:diagnostics_channel`: `sockcred:gate:admitted`, `sockcred:gate:denied`,
 * `sockcred:gate:limited`, `sockcred:gate:failed`.
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
  const doorkeeper = new Doorkeeper(options);
  let handOver: HandOver | undefined;
  let listening: Listening | undefined;

  // Half-open until the server behind says otherwise.
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    if (!doorkeeper.admits(socket, handOver?.maxConnections)) return;
    if (handOver === undefined) socket.destroy();
    else handOver.give(socket);
  });
  server.on('listening', () => handOver?.begin());
  // What accept(2) reports while listening (no descriptors left, say) passes; it must not end the program.
  server.on('error', error => publishFailed(() => ({ gate: options.name, error })));

  const gate: Gate = {
    server,
    get connections() {
      return doorkeeper.open;
    },
    handTo(target) {
      if (handOver !== undefined) {
        throw new PeerTypeError('ERR_ARGUMENT', 'this gate has been told already who serves');
      }
      handOver = new HandOver(target);
      if (server.listening) handOver.begin();
      return gate;
    },
    async listen(path, how) {
      if (handOver === undefined) {
        throw new PeerTypeError('ERR_ARGUMENT', 'handTo() has to say who serves before the gate listens');
      }
      listening = await listenAt(server, path, how);
      return listening;
    },
    replaceAuthorize: authorize => doorkeeper.replaceAuthorize(authorize),
    close: how => close(server, listening, doorkeeper, handOver, how?.graceMs ?? GRACE_MS),
  };
  return gate;
}

async function close(
  server: Server,
  listening: Listening | undefined,
  doorkeeper: Doorkeeper,
  handOver: HandOver | undefined,
  graceMs: number,
): Promise<void> {
  const idle = setInterval(() => handOver?.closeIdle(), IDLE_CHECK_MS);
  const cut = setTimeout(() => {
    for (const socket of doorkeeper.sockets) socket.destroy();
  }, graceMs);
  handOver?.closeIdle();
  try {
    await Promise.all([stopListening(server, listening), doorkeeper.empty()]);
  } finally {
    clearInterval(idle);
    clearTimeout(cut);
    handOver?.end();
  }
}

/** Resolves when the last connection that was accepted has ended. */
async function stopListening(server: Server, listening: Listening | undefined): Promise<void> {
  if (!server.listening) return;
  if (listening !== undefined) await listening.close();
  else await new Promise<void>(done => server.close(() => done()));
}
