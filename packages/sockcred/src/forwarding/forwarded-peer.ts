/** Whose request is it, where a server in front of this one accepted the connection? */

import type { IncomingMessage } from 'node:http';
import { PeerError } from '../errors.ts';
import { socketOf } from '../sys/socket-handle.ts';
import {
  type BelieveRule,
  checkRule,
  type ForwardedPeer,
  forwardedBy,
  headerOn,
  refused,
  verifiedForwarder,
} from './forwarder.ts';
import { lenientHeaderName, PEER_HEADER } from './header-names.ts';
import { readPeerText } from './peer-text.ts';

/** Whose word is believed. */
export interface ForwardedOptions {
  /** Decides about whoever connected to this very server: the guard, by the user that it alone runs as. */
  readonly from: BelieveRule;
}

function malformed(message: string, cause?: unknown): PeerError {
  return new PeerError('ERR_FORWARDED_MALFORMED', message, { scope: 'call', cause });
}

/** The one header; in another spelling, or twice, somebody between did not do what it should. */
function headerOf({ rawHeaders }: IncomingMessage): string {
  const wanted = lenientHeaderName(PEER_HEADER);
  const values: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (lenientHeaderName(name) !== wanted) continue;
    if (name.toLowerCase() !== wanted) throw malformed(`${PEER_HEADER} is there in another spelling`);
    values.push(rawHeaders[index + 1] ?? '');
  }
  const [value, ...more] = values;
  if (value === undefined) {
    throw new PeerError('ERR_FORWARDED_ABSENT', `the request has no ${PEER_HEADER}`, { scope: 'call' });
  }
  if (more.length > 0) throw malformed(`${PEER_HEADER} is there more than once`);
  return value;
}

/**
 * Whose request is this, by the word of a guard in front of this server? First the guard is verified: the kernel is asked
 * who connected to this server, and `from` decides about that. Only then is the `Sockcred-Peer` header read: exactly one, in
 * exactly the form that the guard writes.
 *
 * @remarks
 * Trust: the guard, and the kernel for who the guard is. Whoever the rule accepts can name anybody, so let it
 * accept a user that nothing but the guard runs as; not the users who are its clients. Time: as of the
 * client's connect(2) to the guard.
 *
 * @throws {@link PeerError} `ERR_PEER_REFUSED` if the rule does not accept who connected, or a PROXY header has named the
 * peer of the connection, whose own word every header is then; `ERR_FORWARDED_ABSENT`, `ERR_FORWARDED_MALFORMED`, and what `peerCredentials()` throws.
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`, `ERR_SOURCE_TYPE`, `ERR_SOURCE_NOT_UNIX`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { isUser } from 'sockcred';
 * import { forwardedPeer } from 'sockcred/forwarding';
 *
 * const guard = 990; // the user that the guard runs as, and nobody else
 * createServer((request, response) => {
 *   const { peer } = forwardedPeer(request, { from: by => isUser(by, guard) });
 *   response.end(`welcome, ${peer.uid ?? 'somebody'}\n`);
 * });
 * ```
 */
export function forwardedPeer(request: IncomingMessage, options: ForwardedOptions): ForwardedPeer {
  checkRule(options?.from);
  const socket = socketOf(request);
  const by = verifiedForwarder(socket, options.from);
  if (headerOn(socket) === 'peer') {
    throw refused('it named the peer in a PROXY header, and what follows that is the peer’s own word');
  }
  const text = headerOf(request);
  try {
    return forwardedBy(by, readPeerText(text, by));
  } catch (error) {
    throw malformed(`${PEER_HEADER} has another form`, error);
  }
}
