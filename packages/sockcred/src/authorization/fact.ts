/**
 * What a rule may ask about a peer, each as known or unknown with the reason.
 * Who vouches: whoever made the fact; a claim that other processes of the same
 * user could have made up says so, and raises no trust unless a rule wants it
 * to in plain words. Time: as the fact's own source says; a decision asks for
 * each fact once.
 */

import type { PeerRole, UnknownReason } from '../credentials/evidence.ts';

/** The kinds of namespace that a rule may compare, as in namespaces(7). */
export type NamespaceKind = 'user' | 'pid' | 'mnt' | 'net' | 'ipc' | 'uts' | 'cgroup';

/** For every kind that could be compared: is the peer in the same namespace as this process? */
export type SharedNamespaces = Readonly<Partial<Record<NamespaceKind, boolean>>>;

/** The facts that rules are about. */
export interface FactValues {
  /** Effective user id, from the socket. */
  readonly uid: number;
  /** Effective group id, from the socket. */
  readonly gid: number;
  /** All groups, from the socket. */
  readonly groups: readonly number[];
  /** Text of the security label. */
  readonly label: string;
  /** Whom the kernel recorded. */
  readonly role: PeerRole;
  /**
   * Process id at this moment, told by a pidfd from the socket: of a process that is not waited for yet,
   * in our own pid namespace. While that holds, the number is nobody else's.
   */
  readonly process: number;
  /** Does the process that connected still exist? */
  readonly alive: boolean;
  readonly namespaces: SharedNamespaces;
  /** Unit of the system's service manager; null: in none. */
  readonly unit: string | null;
  /** Unit of the user's own service manager; null: in none. */
  readonly userUnit: string | null;
  /** Application id, from its sandbox; null: in none. */
  readonly application: string | null;
  /** Container id, from its engine; null: in none. */
  readonly container: string | null;
}

/** The name of a fact that rules may be about. */
export type FactName = keyof FactValues;

/** A fact that is there. */
export interface KnownFact<T> {
  readonly known: true;
  readonly value: T;
  /** Who could have made this up, as half a sentence: the claim is of weak authority. */
  readonly forgeable?: string;
}

/** A fact that is not there, and why. */
export interface UnknownFact {
  readonly known: false;
  readonly reason: UnknownReason;
  readonly detail: string;
}

/** A fact, or why there is none. */
export type Fact<T> = KnownFact<T> | UnknownFact;

/** The facts of one peer, to be asked for one by one. */
export interface FactsOfPeer {
  fact<N extends FactName>(name: N): Fact<FactValues[N]>;
}

/** Facts on request: a function for each one that can be told, called at most once per decision. */
export type Witnesses = { readonly [N in FactName]?: () => Fact<FactValues[N]> };

/** Facts that a peer's credentials carry themselves; no other witness is heard about them. */
export type CredentialFact = 'uid' | 'gid' | 'groups' | 'label' | 'role';

const CREDENTIAL_FACTS: ReadonlySet<FactName> = new Set<CredentialFact>([
  'uid',
  'gid',
  'groups',
  'label',
  'role',
]);

/** Do the credentials carry it themselves? */
export function isCredentialFact(name: FactName): name is CredentialFact {
  return CREDENTIAL_FACTS.has(name);
}

/** What other witnesses may add to the credentials: a process, a unit, an application. */
export type OtherWitnesses = Omit<Witnesses, CredentialFact>;

const FORGEABLE = 'any process of the same user can pass for another one';

/**
 * Every fact, and for those of weak authority always: who could forge it. Facts that are weak only sometimes
 * say so themselves.
 */
export const FACTS: { readonly [N in FactName]: { readonly forgeable?: string } } = Object.freeze({
  uid: {},
  gid: {},
  groups: {},
  label: {},
  role: {},
  process: {},
  alive: {},
  namespaces: {},
  unit: {},
  userUnit: { forgeable: 'users name their own units as they like' },
  application: { forgeable: FORGEABLE },
  container: { forgeable: FORGEABLE },
});

export const FACT_NAMES: readonly FactName[] = Object.freeze(Object.keys(FACTS) as FactName[]);

export function known<T>(value: T): KnownFact<T> {
  return { known: true, value };
}
