/**
 * Peers that look like somebody else, or like nobody whom a policy names:
 * root of a container, and users who may take subordinate ids (subuid(5)). A
 * policy is tried on them when it is read. Pure.
 */

import type { Condition, Verdict } from './condition.ts';
import {
  type Fact,
  type FactName,
  type FactsOfPeer,
  type FactValues,
  known,
  type UnknownFact,
} from './fact.ts';

const UNTOLD: UnknownFact = { known: false, reason: 'not-provided', detail: 'it could be anything' };

type Told = { readonly [N in FactName]?: Fact<FactValues[N]> };

/** Of whom this is known, and nothing else: the rest could be anything. */
function somebody(told: Told): FactsOfPeer {
  return {
    fact<N extends FactName>(name: N): Fact<FactValues[N]> {
      const found: Fact<unknown> | undefined = told[name];
      return (found ?? UNTOLD) as Fact<FactValues[N]>;
    },
  };
}

/** No id that a policy can name. */
const NOBODY_NAMED = -1;
const NO_CHILD = known(-1);

const shared = { user: true, pid: true, mnt: true, net: true, ipc: true, uts: true, cgroup: true } as const;

/**
 * Root of a container that shares what a container can share with its host: the user namespace, and every other one but
 * that of mounts, without which it would be no container. With CAP_SETUID and CAP_SETGID it takes any user and any groups.
 */
export const ROOT_OF_CONTAINER: FactsOfPeer = somebody({
  process: NO_CHILD,
  namespaces: known({ ...shared, mnt: false }),
});

const ownUserNamespace = known({ ...shared, user: false });

/** In a user namespace of its own, as one of its user's subordinate ids. */
const SUBORDINATE: FactsOfPeer = somebody({
  uid: known(NOBODY_NAMED),
  gid: known(NOBODY_NAMED),
  groups: known([NOBODY_NAMED]),
  process: NO_CHILD,
  namespaces: ownUserNamespace,
});

/** In a user namespace of its own, as its own user, and without its other groups: setgroups(2) is permitted there. */
const WITHOUT_GROUPS: FactsOfPeer = somebody({
  groups: known([NOBODY_NAMED]),
  process: NO_CHILD,
  namespaces: ownUserNamespace,
});

/**
 * In no namespace of its own: it was started from a file that a subordinate id owns, with the set-user-ID and set-group-ID
 * bits (execve(2)). The groups that it had stay.
 */
const SET_ID: FactsOfPeer = somebody({
  uid: known(NOBODY_NAMED),
  gid: known(NOBODY_NAMED),
  process: NO_CHILD,
  namespaces: known(shared),
});

/** Ways in which a user with subordinate ids can be somebody whom no rule names. */
export const DISGUISES: readonly FactsOfPeer[] = [SUBORDINATE, WITHOUT_GROUPS, SET_ID];

/** What a condition says of somebody. */
export function verdictOn({ condition }: { readonly condition: Condition }, who: FactsOfPeer): Verdict {
  return condition.test(who, []);
}
