/**
 * Whose word is believed: that of a forwarder which this process has asked the
 * kernel about itself, and which the caller's rule accepts. Nothing that it
 * says is looked at before.
 */

import type { Socket } from 'node:net';
import { formatDecision } from '../authorization/decision.ts';
import type { Policy } from '../authorization/policy.ts';
import { peerCredentials } from '../credentials/ask.ts';
import type { PeerCredentials, RecordedPeer } from '../credentials/peer-credentials.ts';
import { PeerError, PeerTypeError } from '../errors.ts';
import { rawSocketOf } from '../sys/socket-handle.ts';
import { identifyPeer } from '../witnesses/identify.ts';
import type { Said } from './peer-text.ts';

/** Decides whose word is believed: a policy, or a function, of which only `true` means yes. */
export type BelieveRule = Policy | ((forwarder: PeerCredentials) => boolean);

declare const forwarded: unique symbol;

/**
 * A peer of whom a verified server in front of this one told. Plain frozen data, of a type of its own: nothing that takes
 * a live answer takes it. Decide on it in so many words: `policy.decide(forwarded.peer)`, `isUser(forwarded.peer, 0)`.
 */
export interface ForwardedPeer {
  /** What the forwarder's kernel told it of whoever connected there; each fact's source is `forwarded`. */
  readonly peer: RecordedPeer;
  /** Local roles that the forwarder's policy gave it. */
  readonly roles: readonly string[];
  /** The forwarder: a live answer about this very connection. */
  readonly by: PeerCredentials;
  /** Exists in the type only. */
  readonly [forwarded]: true;
}

/** On the socket itself, as who was let in: behind it stands what a PROXY header said, and whether it named a peer. */
const HEADED: unique symbol = Symbol('sockcred: what came before the first byte');

interface SocketWithHeader {
  [HEADED]?: 'peer' | 'addresses';
}

/** Remembers that a header was taken out of a connection: what follows it is no word of the forwarder's. */
export function rememberHeader(socket: Socket, told: 'peer' | 'addresses'): void {
  (rawSocketOf(socket) as SocketWithHeader)[HEADED] = told;
}

/** What the header said that was taken out of a connection. */
export function headerOn(socket: Socket): 'peer' | 'addresses' | undefined {
  return (rawSocketOf(socket) as SocketWithHeader)[HEADED];
}

/** What was said, by whom. */
export function forwardedBy(by: PeerCredentials, { peer, roles }: Said): ForwardedPeer {
  return Object.freeze({ peer, roles, by }) as ForwardedPeer;
}

export function checkRule(rule: BelieveRule | undefined): asserts rule is BelieveRule {
  if (typeof rule === 'function' || typeof rule?.decide === 'function') return;
  throw new PeerTypeError('ERR_ARGUMENT', 'from must be a policy or a function: whose word is believed');
}

/**
 * Who is at the other end of this accepted socket, if the rule accepts it as a forwarder.
 *
 * @throws {@link PeerError} `ERR_PEER_REFUSED`, and what `peerCredentials()` throws.
 */
export function verifiedForwarder(socket: Socket, rule: BelieveRule): PeerCredentials {
  const by = peerCredentials(socket, { side: 'accepted' });
  if (typeof rule === 'function') {
    if (rule(by) === true) return by;
    throw refused('the program says no');
  }
  const decision = rule.decide(by, identifyPeer(by, socket));
  if (decision.allowed) return by;
  throw refused(formatDecision(decision));
}

export function refused(why: string): PeerError {
  return new PeerError('ERR_PEER_REFUSED', `its word about others is not believed: ${why}`, {
    scope: 'connection',
  });
}
