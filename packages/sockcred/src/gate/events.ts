/**
 * What gates tell whoever wants to know, through `node:diagnostics_channel`:
 * one message for every connection that comes and one for every end of those that were let in, and nothing
 * at all if nobody subscribes.
 */

import { type Channel, channel } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Decision } from '../authorization/decision.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import type { LimitName } from './limits.ts';

/** On `sockcred:gate:admitted`: a peer was let in. */
export interface AdmittedEvent {
  /** The name that the gate was given. */
  readonly gate: string | undefined;
  readonly peer: PeerCredentials;
  readonly decision: Decision;
  /** Absent where bare descriptors are handed on. */
  readonly socket?: Socket;
}

/**
 * Why a connection that was let in is over: by itself, or because whoever has its descriptor said so, or sent its socket to
 * another process; because its first
 * byte was late; because the gate was closed; because its first byte could not be waited for.
 */
export type EndReason = 'closed' | 'firstByteMs' | 'cut' | 'failed';

/** On `sockcred:gate:ended`: a connection counts no longer. Told once for each that was let in. */
export interface EndedEvent {
  readonly gate: string | undefined;
  /** The same value as when it was let in. */
  readonly peer: PeerCredentials;
  readonly reason: EndReason;
}

/** On `sockcred:gate:denied`: the policy did not let a peer in. */
export interface DeniedEvent {
  readonly gate: string | undefined;
  readonly peer: PeerCredentials;
  readonly decision: Decision;
}

/** On `sockcred:gate:limited`: a connection ran into a limit and was closed. */
export interface LimitedEvent {
  readonly gate: string | undefined;
  readonly limit: LimitName;
  /** Absent where the connection was closed before its peer was asked about. */
  readonly peer?: PeerCredentials;
}

/** On `sockcred:gate:failed`: a connection was closed because its peer could not be asked about or decided upon. */
export interface FailedEvent {
  readonly gate: string | undefined;
  readonly error: unknown;
}

function publisher<T extends object>(name: string): (make: () => T) => void {
  const target: Channel = channel(name);
  return make => {
    if (target.hasSubscribers) target.publish(make());
  };
}

export const publishAdmitted: (make: () => AdmittedEvent) => void = publisher('sockcred:gate:admitted');
export const publishEnded: (make: () => EndedEvent) => void = publisher('sockcred:gate:ended');
export const publishDenied: (make: () => DeniedEvent) => void = publisher('sockcred:gate:denied');
export const publishLimited: (make: () => LimitedEvent) => void = publisher('sockcred:gate:limited');
export const publishFailed: (make: () => FailedEvent) => void = publisher('sockcred:gate:failed');
