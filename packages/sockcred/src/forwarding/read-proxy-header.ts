/**
 * Whose connection is it, where a server in front of this one accepted it and
 * wrote a PROXY header before the first byte?
 */

import type { Socket } from 'node:net';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerError, type PeerErrorCode, PeerTypeError } from '../errors.ts';
import type { ForwardedOptions } from './forwarded-peer.ts';
import {
  checkRule,
  type ForwardedPeer,
  forwardedBy,
  headerOn,
  refused,
  rememberHeader,
  verifiedForwarder,
} from './forwarder.ts';
import { readPeerText } from './peer-text.ts';
import { HEAD_LENGTH, lengthAfter, type ProxyHeader, parseProxyHeader, TLV_PEER } from './proxy-header.ts';

/** Whose word is believed, and for how long it is waited for. */
export interface ProxyHeaderReading extends ForwardedOptions {
  /** Milliseconds within which the header has to be there. Default: 5000. */
  readonly deadlineMs?: number;
}

/** What a verified server in front said about a connection. */
export interface ProxiedConnection extends ProxyHeader {
  /** Who said it: a live answer about this very connection. */
  readonly by: PeerCredentials;
  /** Whose connection it is; absent where that server tells addresses only, or none. */
  readonly forwarded?: ForwardedPeer;
}

const DEADLINE_MS = 5000;

/** A peer may reset its connection at any time: that is never an error of the program, whoever listens for it. */
function ignore(): void {}

function connectionError(code: PeerErrorCode, message: string, cause?: unknown): PeerError {
  return new PeerError(code, message, { scope: 'connection', cause });
}

function malformed(cause: unknown): PeerError {
  return connectionError(
    'ERR_FORWARDED_MALFORMED',
    'no PROXY header of version 2 that says one thing',
    cause,
  );
}

/** Takes exactly `length` bytes out of the socket; what follows them stays in it. */
function take(socket: Socket, length: number): Promise<Uint8Array> {
  return new Promise((done, failed) => {
    const stop = () => {
      socket.off('readable', look).off('end', ended).off('close', ended).off('error', ended);
    };
    const ended = (why?: unknown) => {
      stop();
      failed(
        why instanceof PeerError
          ? why
          : connectionError('ERR_MESSAGE_END', 'it ended before its PROXY header did'),
      );
    };
    const look = () => {
      const bytes = socket.read(length) as Uint8Array | null;
      if (bytes === null) return;
      stop();
      // At the end of the stream read() gives what is left.
      if (bytes.length === length) done(bytes);
      else ended();
    };
    socket.on('readable', look).on('end', ended).on('close', ended).on('error', ended);
    look();
  });
}

async function readHeader(socket: Socket): Promise<ProxyHeader> {
  const head = await take(socket, HEAD_LENGTH);
  let rest: number;
  try {
    rest = lengthAfter(head);
  } catch (error) {
    throw malformed(error);
  }
  const bytes = rest === 0 ? head : Buffer.concat([head, await take(socket, rest)]);
  try {
    return parseProxyHeader(bytes);
  } catch (error) {
    throw malformed(error);
  }
}

function peerIn(header: ProxyHeader, by: PeerCredentials): ForwardedPeer | undefined {
  const [said, ...more] = header.tlvs.filter(({ type }) => type === TLV_PEER);
  if (said === undefined) return undefined;
  try {
    if (more.length > 0) throw new SyntaxError('the peer is told more than once');
    return forwardedBy(by, readPeerText(new TextDecoder('latin1').decode(said.value), by));
  } catch (error) {
    throw malformed(error);
  }
}

function checkedDeadline(deadlineMs = DEADLINE_MS): number {
  if (Number.isInteger(deadlineMs) && deadlineMs >= 1 && deadlineMs <= 0x7fffffff) return deadlineMs;
  throw new PeerTypeError('ERR_ARGUMENT', 'deadlineMs must be an integer from 1 to 2147483647');
}

/**
 * Whose connection is this, by the word of a guard in front of this server? First the guard is verified, as by
 * `forwardedPeer()`. Only then is a byte read: exactly the PROXY header, version 2, which has to stand first. What
 * follows it stays in the socket, which can then be handed to any server. If anything is wrong the socket is
 * destroyed.
 *
 * @remarks
 * Trust and time: as `forwardedPeer()`. A proxy that knows nothing of peers (HAProxy, say) gives addresses, and no `forwarded`;
 * they are its word as well.
 *
 * @throws {@link PeerError} `ERR_PEER_REFUSED` if the rule does not accept who connected, or the header was read before;
 * `ERR_FORWARDED_MALFORMED`,
 * `ERR_MESSAGE_TIMEOUT`, `ERR_MESSAGE_END`, and what `peerCredentials()` throws.
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`, `ERR_SOURCE_TYPE`, `ERR_SOURCE_NOT_UNIX`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { isUser } from 'sockcred';
 * import { readProxyHeader } from 'sockcred/forwarding';
 *
 * const guard = 990; // the user that the guard runs as, and nobody else
 * createServer(async socket => {
 *   try {
 *     const { forwarded } = await readProxyHeader(socket, { from: by => isUser(by, guard) });
 *     socket.end(`welcome, ${forwarded?.peer.uid ?? 'somebody'}\n`);
 *   } catch {
 *     // the socket is closed
 *   }
 * });
 * ```
 */
export async function readProxyHeader(
  socket: Socket,
  options: ProxyHeaderReading,
): Promise<ProxiedConnection> {
  checkRule(options?.from);
  const deadlineMs = checkedDeadline(options.deadlineMs);
  socket.on('error', ignore);
  const timer = setTimeout(
    () => socket.destroy(connectionError('ERR_MESSAGE_TIMEOUT', 'no PROXY header came in time')),
    deadlineMs,
  );
  try {
    const by = verifiedForwarder(socket, options.from);
    if (headerOn(socket) !== undefined) throw refused('its PROXY header was read before');
    rememberHeader(socket, 'addresses');
    const header = await readHeader(socket);
    const forwarded = peerIn(header, by);
    if (forwarded !== undefined) rememberHeader(socket, 'peer');
    return Object.freeze({ ...header, by, ...(forwarded === undefined ? {} : { forwarded }) });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
