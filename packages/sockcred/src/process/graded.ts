/**
 * A fact about a process: its value, how surely it is about the process of the
 * peer (binding), and who says so (authority); or why it is not known. Every
 * such fact is of the moment of asking, never of the moment of connect(2).
 */

import type { UnknownEvidence } from '../credentials/evidence.ts';

/**
 * How surely a fact is about the peer's process. `kernel`: read from the socket
 * or from a pidfd that the socket gave. `pinned`: read under its process number
 * while such a pidfd proved that the process lived and was the same. `pid-only`:
 * found by a number that may have passed to another process before.
 */
export type Binding = 'kernel' | 'pinned' | 'pid-only';

/** Where a fact about a process was read. */
export type FactSource =
  | 'PIDFD_GET_INFO'
  | 'SO_NETNS_COOKIE'
  | 'procfs status'
  | 'procfs stat'
  | 'procfs exe'
  | 'procfs cmdline'
  | 'procfs cgroup'
  | 'procfs ns';

/** A fact that is there. */
export interface KnownFact<T> {
  readonly known: true;
  readonly value: T;
  readonly binding: Binding;
  /** `self`: the process can choose it at will. */
  readonly authority: 'kernel' | 'self';
  readonly source: FactSource;
  readonly captured: 'now';
}

/** A fact, or why there is none. */
export type Fact<T> = KnownFact<T> | UnknownEvidence;

/** A fact of this moment. */
export function fact<T>(
  value: T,
  binding: Binding,
  source: FactSource,
  authority: 'kernel' | 'self' = 'kernel',
): KnownFact<T> {
  return Object.freeze({ known: true, value, binding, authority, source, captured: 'now' });
}
