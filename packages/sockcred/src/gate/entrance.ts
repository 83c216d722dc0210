/**
 * Where connections come in. In Node and Deno on Linux they are accepted by ourselves, as
 * bare descriptors, so that a socket object is made only for those who are let in, and
 * so that a program without descriptors leaves them in the backlog. Elsewhere a
 * `net.Server` accepts, unless bare descriptors are what is wanted.
 */

import { createServer, type Socket } from 'node:net';
import { PeerError, PeerTypeError } from '../errors.ts';
import { Acceptor } from '../listening/acceptor.ts';
import { type ListenOptions, listenAt } from '../listening/listen-at.ts';
import { adoptListener, hasMessages } from '../sys/message-socket.ts';
import { canWait, waitsByLoop } from '../sys/readiness.ts';
import { STOPS_ACCEPTING } from '../sys/runtime-servers.ts';
import { uncaught } from '../sys/uncaught.ts';
import type { Accepted } from './doorkeeper.ts';

/** Accepts until it is closed. */
export interface Entrance {
  readonly path: string;
  close(): Promise<void>;
}

/** What becomes of connections, and of accepting. */
export interface EntranceEvents {
  accepted(connection: Accepted): void;
  /** Accepting failed, and goes on. */
  failed(error: unknown): void;
}

/** What connections are handed on as. */
export type Wanted = 'sockets' | 'descriptors';

/** Can connections be handed on as descriptors here? */
export function acceptsDescriptors(): boolean {
  return canWait() && hasMessages();
}

/** Where a thread would have to wait, sockets come cheaper from a `net.Server`, if that is to be relied on. */
function acceptsByItself(wanted: Wanted): boolean {
  if (!hasMessages()) return false;
  return wanted === 'descriptors' || STOPS_ACCEPTING ? canWait() : waitsByLoop();
}

function closing(acceptor: Acceptor): Entrance {
  return {
    path: acceptor.path,
    close: async () => acceptor.close(),
  };
}

function serverFor(events: EntranceEvents) {
  // What a server behind throws is not the runtime's to handle, which may accept nobody any more.
  const accepted = (socket: Socket) => {
    try {
      events.accepted(socket);
    } catch (error) {
      uncaught(error);
    }
  };
  // Half-open until the server behind says otherwise.
  const server = createServer({ allowHalfOpen: true }, accepted);
  return server.on('error', events.failed);
}

/** Listens at a path: see `listenAt()` for what it throws. */
export async function openEntrance(
  path: string,
  options: ListenOptions | undefined,
  wanted: Wanted,
  events: EntranceEvents,
): Promise<Entrance> {
  if (acceptsByItself(wanted)) return closing(await Acceptor.open(path, options, {}, events));
  return await listenAt(serverFor(events), path, options);
}

/**
 * Accepts from a socket that listens already, and owns it from then on.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 * @throws {@link PeerError} `ERR_PEER_SYSTEM`
 */
export async function adoptEntrance(fd: number, wanted: Wanted, events: EntranceEvents): Promise<Entrance> {
  const path = `fd ${fd}`;
  const outcome = adoptListener(fd);
  if (outcome === 'not-listening' || outcome.errno === 'EPROTOTYPE') {
    throw new PeerTypeError('ERR_ARGUMENT', `${path} is not a Unix stream socket that listens`);
  }
  if (outcome.kind !== 'answered') {
    const errno = outcome.errno ?? outcome.kind;
    throw new PeerError('ERR_PEER_SYSTEM', `${path} cannot be listened on (${errno})`, {
      scope: 'call',
      errno,
    });
  }
  if (acceptsByItself(wanted)) return closing(new Acceptor({ fd, path, remove() {} }, events));
  const server = serverFor(events);
  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen({ fd }, () => done(void server.off('error', failed)));
  });
  return { path, close: () => new Promise(done => server.close(() => done())) };
}
