/**
 * Who was let in on this connection? What the gate decided when it was
 * accepted, found again from whatever a handler holds: the socket, a TLS socket
 * over it, a request, an HTTP/2 stream. Kept with the connection, not with the
 * object: a socket that connects again was not let in.
 */

import type { Http2ServerRequest, Http2Session, Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Decision } from '../authorization/decision.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerError } from '../errors.ts';
import {
  isStill,
  rawSocketOf,
  type SeenConnection,
  type SocketSource,
  seenConnection,
  socketOf,
} from '../sys/socket-handle.ts';
import type { LimitName } from './limits.ts';

/** A peer that was let in, and why. Plain frozen data. */
export interface Admission {
  readonly peer: PeerCredentials;
  readonly decision: Decision;
}

/** A peer that the policy did not let in, and why. Plain frozen data. */
export interface Denial {
  readonly peer: PeerCredentials;
  /** Never an allowing one. */
  readonly decision: Decision;
}

/** A peer that ran into a limit. Plain frozen data. */
export interface Limitation {
  readonly peer: PeerCredentials;
  readonly limit: LimitName;
}

/** Why nobody was let in on a connection: the policy, or a limit. */
export type Refused = { readonly denied: Denial } | { readonly limited: Limitation };

/** What a handler may hold of a connection. */
export type AdmittedSource = SocketSource | Http2ServerRequest | Http2Session | Http2Stream;

interface Entry {
  readonly connection: SeenConnection;
  readonly admission: Admission;
}

interface RefusedEntry {
  readonly connection: SeenConnection;
  readonly refused: Refused;
}

/**
 * On the socket itself, under a name that nobody else has: node:http2 shows a Proxy in place of the socket, which
 * passes properties through. A WeakMap costs the garbage collector more for each connection.
 */
const ENTRY: unique symbol = Symbol('sockcred: who was let in');

/** Under a name of its own: nobody who asks who was let in can come upon it. */
const REFUSED: unique symbol = Symbol('sockcred: who was not let in');

interface SocketWithEntry {
  [ENTRY]?: Entry;
  [REFUSED]?: RefusedEntry;
}

/** A session that has ended shows no socket any more. */
const bySession = new WeakMap<object, Admission>();

/** Remembers that this connection was let in. */
export function rememberAdmission(socket: Socket, admission: Admission): void {
  (socket as SocketWithEntry)[ENTRY] = { connection: seenConnection(socket), admission };
}

/** Remembers that nobody was let in on this connection. */
export function rememberRefused(socket: Socket, refused: Refused): void {
  (socket as SocketWithEntry)[REFUSED] = { connection: seenConnection(socket), refused };
}

function refusedOn(source: SocketSource): Refused | undefined {
  const raw = rawSocketOf(socketOf(source));
  const entry = (raw as SocketWithEntry)[REFUSED];
  return entry !== undefined && isStill(entry.connection, raw) ? entry.refused : undefined;
}

function admissionOn(socket: Socket): Admission | undefined {
  const raw = rawSocketOf(socket);
  const entry = (raw as SocketWithEntry)[ENTRY];
  return entry !== undefined && isStill(entry.connection, raw) ? entry.admission : undefined;
}

interface Http2Parts {
  readonly httpVersionMajor?: number;
  readonly rstCode?: number;
  readonly settings?: unknown;
  readonly session?: Http2Session | undefined;
  readonly stream?: { readonly session?: Http2Session | undefined };
}

/** The HTTP/2 session that a source is, or belongs to. Frameworks hang a `session` of their own on requests. */
function sessionOf(source: AdmittedSource): Http2Session | undefined {
  if (typeof source !== 'object' || source === null) return undefined;
  const parts = source as Http2Parts;
  if (parts.httpVersionMajor !== undefined) {
    return parts.httpVersionMajor === 2 ? parts.stream?.session : undefined;
  }
  if (parts.rstCode !== undefined) return parts.session;
  return typeof parts.settings === 'function' ? (source as Http2Session) : undefined;
}

function find(source: AdmittedSource): Admission | undefined {
  const session = sessionOf(source);
  if (session === undefined) return admissionOn(socketOf(source as SocketSource));
  const before = bySession.get(session);
  if (before !== undefined) return before;
  const found = session.destroyed ? undefined : admissionOn(session.socket as Socket);
  if (found !== undefined) bySession.set(session, found);
  return found;
}

/**
 * Who was let in on this connection, and by which rule.
 *
 * @throws {@link PeerError} `ERR_PEER_NOT_ADMITTED` if no gate let it in.
 * @throws {@link PeerTypeError} `ERR_SOURCE_TYPE` for what is over no socket.
 *
 * @example
 * ```ts
 * import type { IncomingMessage } from 'node:http';
 * import { admissionOf } from 'sockcred/gate';
 *
 * export const isAdmin = (request: IncomingMessage) =>
 *   admissionOf(request).decision.roles.includes('admin');
 * ```
 */
export function admissionOf(source: AdmittedSource): Admission {
  const admission = find(source);
  if (admission !== undefined) return admission;
  throw new PeerError('ERR_PEER_NOT_ADMITTED', 'this connection did not come through a gate', {
    scope: 'connection',
  });
}

/**
 * Who was let in on this connection: for handlers behind a gate, whatever
 * they hold of it. The same value for the life of the connection, and after it.
 *
 * @remarks
 * Trust and time: as `peerCredentials()`, asked when the connection was accepted.
 *
 * @throws {@link PeerError} `ERR_PEER_NOT_ADMITTED` if no gate let it in.
 * @throws {@link PeerTypeError} `ERR_SOURCE_TYPE` for what is over no socket.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { formatPeer } from 'sockcred';
 * import { peerOf } from 'sockcred/gate';
 *
 * createServer((request, response) => response.end(formatPeer(peerOf(request))));
 * ```
 */
export function peerOf(source: AdmittedSource): PeerCredentials {
  return admissionOf(source).peer;
}

/**
 * Whom the gate denied on this connection, and by which rule: for whoever tells them, behind `GateOptions.refuse`.
 * Nothing where it was let in, or came through no gate.
 *
 * @remarks
 * Trust and time: as `peerOf()`. What it tells helps an attacker: think twice before they are told.
 *
 * @throws {@link PeerTypeError} `ERR_SOURCE_TYPE` for what is over no socket.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { formatDecision } from 'sockcred/authorization';
 * import { denialOf } from 'sockcred/gate';
 *
 * createServer((request, response) => {
 *   const denial = denialOf(request);
 *   if (denial !== undefined) console.log(formatDecision(denial.decision));
 *   response.writeHead(403).end();
 * });
 * ```
 */
export function denialOf(source: SocketSource): Denial | undefined {
  const refused = refusedOn(source);
  return refused !== undefined && 'denied' in refused ? refused.denied : undefined;
}

/**
 * Who ran into a limit of the gate on this connection, and into which: for whoever tells them, behind
 * `GateOptions.refuse` with `limits`. Nothing where it was let in or denied, or came through no gate.
 *
 * @remarks
 * Trust and time: as `peerOf()`.
 *
 * @throws {@link PeerTypeError} `ERR_SOURCE_TYPE` for what is over no socket.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { limitationOf } from 'sockcred/gate';
 *
 * createServer((request, response) => {
 *   const status = limitationOf(request) === undefined ? 403 : 429;
 *   response.writeHead(status).end();
 * });
 * ```
 */
export function limitationOf(source: SocketSource): Limitation | undefined {
  const refused = refusedOn(source);
  return refused !== undefined && 'limited' in refused ? refused.limited : undefined;
}
