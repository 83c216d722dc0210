/**
 * The HTTP headers that say whose a request is. All names that begin with
 * `Sockcred-` are ours, in every spelling that some server takes for the same:
 * CGI turns `-` into `_`, others turn anything that is no letter or digit.
 */

import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { peerText } from './peer-text.ts';

/** The header that says it all, and the only one that `forwardedPeer()` reads. */
export const PEER_HEADER = 'Sockcred-Peer';

const PREFIX = 'sockcred-';

/**
 * A header's name as the most lenient server could read it: two names for which this is the same may be one header to
 * some server.
 *
 * @example
 * ```ts
 * import { lenientHeaderName } from 'sockcred/forwarding';
 *
 * console.log(lenientHeaderName('X_Remote.User')); // x-remote-user
 * ```
 */
export function lenientHeaderName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

/**
 * Could some server take a header of this name for one that says whose a request is? For whoever stands in front of
 * servers: none of these may come from a client, neither as header nor as trailer.
 *
 * @example
 * ```ts
 * import { isForwardedName } from 'sockcred/forwarding';
 *
 * console.log(isForwardedName('SOCKCRED_PEER'), isForwardedName('Cookie')); // true false
 * ```
 */
export function isForwardedName(name: string): boolean {
  return lenientHeaderName(name).startsWith(PREFIX);
}

/** What is told in headers. */
export interface ForwardedHeadersOptions {
  /** Local roles that the peer was given. */
  readonly roles?: readonly string[];
  /**
   * Adds `Sockcred-Uid`, `Sockcred-Gid`, `Sockcred-Pid` and `Sockcred-Groups`, each only where it is known, for programs that
   * have no reader for the one header. Default: false.
   */
  readonly simple?: boolean;
}

/**
 * The headers, as names and values, that tell a server behind this program who a peer is. First everything that
 * {@link isForwardedName} is true of has to be taken out of the request.
 *
 * @remarks
 * Trust: that of the peer that is given. Groups are complete or not told: where the line would be longer than 4096
 * characters they are left out, and then the label.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT` for a peer that did not connect, and for roles that cannot be written.
 *
 * @example
 * ```ts
 * import { forwardedHeaders } from 'sockcred/forwarding';
 * import { madeUpPeer } from 'sockcred/testing';
 *
 * const [[name, value] = []] = forwardedHeaders(madeUpPeer({ uid: 1000, gid: 100, groups: [100, 27] }));
 * console.log(`${name}: ${value}`); // Sockcred-Peer: 1;uid=1000;gid=100;groups="27 100"
 * ```
 *
 * @see https://www.rfc-editor.org/rfc/rfc8941#name-items
 */
export function forwardedHeaders(
  peer: PeerCredentials,
  options?: ForwardedHeadersOptions,
): readonly (readonly [name: string, value: string])[] {
  const headers: [string, string][] = [[PEER_HEADER, peerText(peer, options?.roles)]];
  if (options?.simple !== true) return headers;
  for (const field of ['uid', 'gid', 'pid'] as const) {
    const value = peer[field];
    if (value !== undefined)
      headers.push([`Sockcred-${field[0]?.toUpperCase()}${field.slice(1)}`, `${value}`]);
  }
  if (peer.groups !== undefined && headers[0]?.[1].includes(';groups=') === true) {
    headers.push(['Sockcred-Groups', peer.groups.join(' ')]);
  }
  return headers;
}
