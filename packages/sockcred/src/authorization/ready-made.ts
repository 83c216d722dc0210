/** The policies that most programs want, each in one line. */

import type { Child } from './circumstances.ts';
import type { Policy } from './policy.ts';
import type { IdData, RuleData } from './policy-data.ts';
import { definePolicy, type PolicyOptions } from './this-machine.ts';

/** What a ready-made policy may be made stricter by. */
export interface ReadyMadeOptions extends PolicyOptions {
  /**
   * Wants the peer in the same user, pid and mount namespaces as well: root of a container without a user
   * namespace is uid 0 like any other root. Wants `witnesses: peerWitnesses()` here and `identify: identifyPeer` at the gate
   * (`sockcred/witnesses`); else nobody is let in.
   */
  readonly sameNamespaces?: true;
}

function allow(rules: readonly Omit<RuleData, 'effect'>[], options: ReadyMadeOptions | undefined): Policy {
  const same = options?.sameNamespaces === true ? { sameNamespaces: true as const } : {};
  return definePolicy({ rules: rules.map(rule => ({ effect: 'allow', ...rule, ...same })) }, options);
}

/**
 * Only peers with the effective user that this process has now. Root is not let in unless it is that user.
 *
 * @throws {@link PolicyError} where this process has no user id.
 *
 * @example
 * ```ts
 * import { sameUserOnly } from 'sockcred/authorization';
 * import { madeUpPeer } from 'sockcred/testing';
 *
 * const stranger = madeUpPeer({ uid: (process.geteuid?.() ?? 0) + 1 });
 * console.log(sameUserOnly().decide(stranger).allowed); // false
 * ```
 */
export function sameUserOnly(options?: ReadyMadeOptions): Policy {
  return allow([{ name: 'same user', sameUser: true }], options);
}

/**
 * Only root, and members of a group: primary or supplementary, as their process has it. Root of a container without a
 * user namespace is let in too, and `findings` says so, unless `sameNamespaces` is wanted.
 *
 * @throws {@link PolicyError} if there is no such group here.
 *
 * @example
 * ```ts
 * import { rootOr } from 'sockcred/authorization';
 * import { madeUpPeer } from 'sockcred/testing';
 *
 * console.log(rootOr(27).decide(madeUpPeer({ uid: 1000, groups: [27, 1000] })).allowed); // true
 * ```
 */
export function rootOr(group: IdData, options?: ReadyMadeOptions): Policy {
  return allow(
    [
      { name: 'root', user: 0 },
      { name: 'group', group },
    ],
    options,
  );
}

/**
 * Only processes that this one has started and not waited for: compared by a pidfd from the socket, never by the
 * pid that was recorded at connect(2). Their own children are others. Unknown, and so nobody, where the kernel
 * gives no pidfd of a peer (before Linux 6.5, other systems).
 *
 * @example
 * ```ts
 * import { spawn } from 'node:child_process';
 * import { onlyChildren } from 'sockcred/authorization';
 *
 * const worker = spawn('/bin/true');
 * export const policy = onlyChildren(worker);
 * ```
 */
export function onlyChildren(...children: readonly Child[]): Policy {
  const named = Object.fromEntries(children.map((child, index) => [`${index}`, child]));
  if (children.length === 0) return definePolicy({ rules: [] });
  return definePolicy(
    { rules: [{ effect: 'allow', name: 'children', child: Object.keys(named) }] },
    { children: named },
  );
}
