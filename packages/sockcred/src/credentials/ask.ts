/**
 * The main question: who is at the other end of this socket? The kernel
 * answers with what it captured when the connection was made; nothing here
 * asks any other witness.
 */

import { PeerError, PeerTypeError } from '../errors.ts';
import { hiddenDescriptor, isOpen } from '../sys/hidden-descriptor.ts';
import { idView } from '../sys/id-view.ts';
import { linuxSince } from '../sys/kernel.ts';
import { type PeerAnswers, peerAnswers } from '../sys/peer-answers.ts';
import {
  descriptorOf,
  handleOf,
  type SocketHandle,
  type SocketSource,
  socketOf,
} from '../sys/socket-handle.ts';
import { type Circumstances, decodePeer, mayBeOurselves, withRole } from './decode.ts';
import type { PeerCredentials } from './peer-credentials.ts';
import { type Ends, roleOf, type Side } from './role.ts';
import { type SystemFacts, systemFacts } from './systems.ts';

/** What may be asked: a socket, something over one, or a file descriptor. */
export type PeerSource = SocketSource | number;

/** What a caller knows beforehand about the socket that it asks. */
export interface PeerOptions {
  /**
   * Which end of the connection the socket is, where the caller knows: the
   * result's `role` then rests on it. A side that the kernel rules out throws.
   */
  readonly side?: Side;
}

/** One connection of a socket object: valid as long as the object has this handle, or none any more. */
interface Asked extends Answer {
  readonly handle: SocketHandle;
}

interface Answer {
  readonly ends: Ends;
  readonly around: Circumstances;
  side: Side | undefined;
  peer: PeerCredentials;
}

/**
 * On the socket itself, under a name that nobody else has: a WeakMap costs the garbage collector a tenth of what
 * a connection with one HTTP request costs.
 */
const ASKED: unique symbol = Symbol('sockcred: who was asked about');

interface SocketWithAnswer {
  [ASKED]?: Asked;
}

/** What does not change while a program runs, read at its first question: `process.pid` is a slow getter. */
let ownPid = 0;
let system: SystemFacts | undefined;
let pairsLabelled = false;

/**
 * Who is at the other end of a connected Unix socket, with the kernel as the
 * only witness.
 *
 * On an accepted socket that is whoever called connect(2), on a connecting one
 * whoever called listen(2), on a socketpair whoever made it. Synchronous, and
 * answered once per connection: later calls, also after the socket closed,
 * give the same value. A bare descriptor is asked anew each time, and must
 * stay open and in the caller's hands during the call.
 *
 * @remarks
 * Trust: the kernel. Time: ids and groups as of connect(2), listen(2) or
 * socketpair(2), the label as of the peer's socket(2); later setuid, exec, exit
 * or passing on of the descriptor change nothing. Linux.
 *
 * @throws {@link PeerTypeError} `ERR_SOURCE_TYPE`, `ERR_SOURCE_NOT_SOCKET`,
 * `ERR_SOURCE_NOT_UNIX`, `ERR_SOURCE_LISTENING`, `ERR_SOURCE_DATAGRAM`,
 * `ERR_SIDE`, `ERR_ARGUMENT`
 * @throws {@link PeerError} `ERR_PEER_CLOSED`, `ERR_PEER_NOT_CONNECTED`,
 * `ERR_PEER_HIDDEN_DESCRIPTOR`, `ERR_PEER_UNSUPPORTED`, `ERR_PEER_ADDON`,
 * `ERR_PEER_SELF_TEST`, `ERR_PEER_SELF_TEST_NOT_RUN`, `ERR_PEER_SYSTEM`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { isUser, peerCredentials } from 'sockcred';
 *
 * const server = createServer(socket => {
 *   const peer = peerCredentials(socket);
 *   const me = process.geteuid?.() ?? -1;
 *   socket.end(isUser(peer, me) ? 'welcome\n' : 'not you\n');
 * });
 * server.listen('\0sockcred-example', () => server.close());
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html SO_PEERCRED
 * @see https://man7.org/linux/man-pages/man7/socket.7.html
 */
export function peerCredentials(source: PeerSource, options?: PeerOptions): PeerCredentials {
  const side = options?.side;
  if (typeof source === 'number') return answer(peerAnswers(checkedDescriptor(source)), side).peer;
  const socket = socketOf(source);
  const handle = handleOf(socket);
  const before = (socket as SocketWithAnswer)[ASKED];
  if (before !== undefined && (handle === undefined || handle === before.handle)) {
    if (before.side === side) return before.peer;
    if (handle === undefined || !isDoubtful(before)) return answerFor(before, side);
  }
  if (handle === undefined) {
    if (isOpen(socket)) throw hiddenDescriptor(socket);
    throw new PeerError('ERR_PEER_CLOSED', 'the socket is closed, or not connected yet', {
      scope: 'connection',
    });
  }
  const now = answer(peerAnswers(descriptorOf(socket, handle)), side);
  (socket as SocketWithAnswer)[ASKED] = { handle, ...now };
  return now.peer;
}

function answer(answers: PeerAnswers, side: Side | undefined): Answer {
  if (ownPid === 0) {
    ownPid = process.pid;
    pairsLabelled = linuxSince(4, 17);
  }
  system ??= systemFacts(answers.system);
  const pidIsOurs = answers.pid === ownPid;
  const ends = { localNamed: answers.localNamed, remoteNamed: answers.remoteNamed, pidIsOurs };
  const around = { system, view: idView(), pidIsOurs, pairsLabelled };
  return { ends, around, side, peer: decodePeer(answers, around, roleOf(ends, side)) };
}

/** Ids were held back, which another side may allow to be told: the kernel has to be asked again. */
function isDoubtful({ around, ends, side }: Answer): boolean {
  return mayBeOurselves(around, roleOf(ends, side));
}

/** The same connection, asked about with another side than before. */
function answerFor(connection: Asked, side: Side | undefined): PeerCredentials {
  connection.peer = withRole(connection.peer, connection.around.system, roleOf(connection.ends, side));
  connection.side = side;
  return connection.peer;
}

function checkedDescriptor(fd: number): number {
  if (Number.isInteger(fd) && fd <= 0x7fffffff && fd >= -0x80000000) return fd;
  throw new PeerTypeError('ERR_SOURCE_TYPE', 'a file descriptor must be a 32-bit integer');
}
