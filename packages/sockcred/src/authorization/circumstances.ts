/** What a policy is read against: names, this process, its children, and what can never be known here. */

import type { FactName, UnknownFact } from './fact.ts';

/** Turns names into ids, once, when a policy is loaded. A name that it does not know is an error of the policy. */
export interface NameResolver {
  user(name: string): number | undefined;
  group(name: string): number | undefined;
}

/**
 * A process that this one started, as `node:child_process` gives it. As long as both codes are null
 * nobody has waited for it, and its pid is nobody else's.
 */
export interface Child {
  readonly pid?: number | undefined;
  readonly exitCode: number | null;
  readonly signalCode: string | null;
}

export interface Circumstances {
  readonly names?: NameResolver;
  /** Effective user of this process; absent where it has none. */
  readonly ownUid?: number;
  /** The processes that `child` may mean. */
  readonly children?: Readonly<Record<string, Child>>;
  /** Why this machine, system or version can never tell a fact; undefined where it may. */
  never?(fact: FactName): UnknownFact | undefined;
}
