/**
 * Whom did the kernel record: the connector, the listener or the creator of a
 * socketpair? The names of the two ends tell, mostly. An accepted socket has
 * its listener's name; a connecting one has none unless it was bound, and sees
 * the listener's; the ends of a socketpair have none. What a peer can change
 * by binding its own end is never decided on.
 */

import { PeerTypeError } from '../errors.ts';
import { type Evidence, type PeerRole, unknown } from './evidence.ts';

/** Which end of the connection the asked socket is. */
export type Side = 'accepted' | 'connected' | 'pair';

/** What is known of a connection's two names, and whether the recorded process is this one. */
export interface Ends {
  readonly localNamed: boolean;
  readonly remoteNamed: boolean;
  readonly pidIsOurs: boolean;
}

export interface Role {
  readonly role: PeerRole | undefined;
  readonly evidence: Evidence;
}

function told(role: PeerRole, source: 'socket names' | 'caller'): Role {
  const evidence: Evidence = Object.freeze({ known: true, source, captured: 'now' });
  return Object.freeze({ role, evidence });
}

function untold(detail: string): Role {
  return Object.freeze({ role: undefined, evidence: unknown('ambiguous', detail) });
}

const BY_SIDE: Readonly<Record<Side, Role>> = Object.freeze({
  accepted: told('connector', 'caller'),
  connected: told('listener', 'caller'),
  pair: told('creator', 'caller'),
});

const CONNECTOR = told('connector', 'socket names');
const LISTENER = told('listener', 'socket names');
const CREATOR = told('creator', 'socket names');
const BOTH_NAMED = untold(
  'both ends have names: this may be an accepted socket or a bound one that connected; options.side settles it',
);
const OWN_LISTENER_OR_PAIR = untold(
  'this process is recorded: as a listener, or as the creator of a socketpair whose other end was bound; options.side settles it',
);

/**
 * The role that the names tell, or the one that the caller vouches for.
 *
 * A client whose listener belongs to another process is told by its nameless
 * own end. The far end of a socketpair looks the same once it is bound, so
 * where this process itself is recorded the answer stays open.
 *
 * @throws {@link PeerTypeError} `ERR_SIDE` if the names rule the side out, and
 * `ERR_ARGUMENT` for anything that is no side.
 */
export function roleOf(ends: Ends, side: Side | undefined): Role {
  if (side !== undefined) {
    checkSide(ends, side);
    return BY_SIDE[side];
  }
  if (ends.localNamed) return ends.remoteNamed ? BOTH_NAMED : CONNECTOR;
  if (!ends.remoteNamed) return CREATOR;
  return ends.pidIsOurs ? OWN_LISTENER_OR_PAIR : LISTENER;
}

/** An accepted socket always has its listener's name, and a connected one always sees it. */
function checkSide(ends: Ends, side: Side): void {
  if (!Object.hasOwn(BY_SIDE, side)) {
    throw new PeerTypeError('ERR_ARGUMENT', "options.side must be 'accepted', 'connected' or 'pair'");
  }
  if (side === 'accepted' && !ends.localNamed) {
    throw new PeerTypeError(
      'ERR_SIDE',
      "options.side is 'accepted', but the socket has no name: it was not accepted",
    );
  }
  if (side === 'connected' && !ends.remoteNamed) {
    throw new PeerTypeError(
      'ERR_SIDE',
      "options.side is 'connected', but the other end has no name: nobody listened",
    );
  }
}
