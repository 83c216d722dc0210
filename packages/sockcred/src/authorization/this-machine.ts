/**
 * Policies for this process on this machine: the one file here that asks
 * anybody. Names come from passwd(5) and group(5), our own user from the
 * kernel, and what can never be known from the table of what each system tells
 * and from what this kernel answers about ourselves.
 */

import { type SystemFacts, systemFacts } from '../credentials/systems.ts';
import { addon } from '../sys/addon.ts';
import { openForWriting } from '../sys/file-writers.ts';
import { groupInFiles, userInFiles } from '../sys/name-files.ts';
import { type OwnAnswers, ownAnswers } from '../sys/own-answers.ts';
import type { Child, NameResolver } from './circumstances.ts';
import type { FactName, OtherWitnesses, UnknownFact } from './fact.ts';
import { compilePolicy, type Policy } from './policy.ts';
import type { PolicyData } from './policy-data.ts';

/** What a policy is read with. */
export interface PolicyOptions {
  /** Where user and group names are looked up. Default: `/etc/passwd` and `/etc/group`. */
  readonly names?: NameResolver;
  /** The processes that `child` may mean, by the names that the policy has for them. */
  readonly children?: Readonly<Record<string, Child>>;
  /** Facts besides the credentials that whoever uses the policy has witnesses for. */
  readonly witnesses?: readonly (keyof OtherWitnesses)[];
}

/**
 * The names in `/etc/passwd` and `/etc/group`, for policies. A name that only a directory service knows is
 * not found; a resolver of your own can find it.
 *
 * @example
 * ```ts
 * import { systemNames } from 'sockcred/authorization';
 *
 * console.log(systemNames().user('root')); // 0
 * ```
 *
 * @see https://man7.org/linux/man-pages/man5/passwd.5.html
 */
export function systemNames(): NameResolver {
  return Object.freeze({ user: userInFiles, group: groupInFiles });
}

/**
 * Has somebody a file open for writing, so that what is in it may be half of what is meant? For programs that read
 * policies from files; `fd` has to be open for reading only.
 *
 * @remarks
 * Trust: the kernel, which gives a read lease only if nobody has. Time: now. Undefined where it cannot be told: where we are
 * neither the file's owner nor root (CAP_LEASE), on file systems without leases, and on other systems than Linux.
 *
 * @example
 * ```ts
 * import { closeSync, openSync } from 'node:fs';
 * import { isBeingWritten } from 'sockcred/authorization';
 *
 * const fd = openSync('/etc/passwd', 'r');
 * console.log(isBeingWritten(fd)); // false
 * closeSync(fd);
 * ```
 *
 * @see https://man7.org/linux/man-pages/man2/fcntl.2.html F_SETLEASE
 */
export function isBeingWritten(fd: number): boolean | undefined {
  try {
    return openForWriting(fd);
  } catch {
    return undefined;
  }
}

/** The table's row for this system; where nothing can be asked, the row of a system that tells nothing. */
function thisSystem(): SystemFacts {
  try {
    return systemFacts(addon().system);
  } catch {
    return systemFacts('none');
  }
}

function unsupported(detail: string): UnknownFact {
  return { known: false, reason: 'unsupported', detail };
}

const OF_THE_KERNEL: ReadonlySet<FactName> = new Set(['groups', 'label', 'process']);

/** Questions that this kernel does not know, though others of its system do. */
function unanswered(answers: OwnAnswers | undefined, fact: FactName): UnknownFact | undefined {
  if (fact === 'groups' && answers?.groups.kind === 'unsupported')
    return unsupported('this kernel has no SO_PEERGROUPS; Linux 4.13');
  if (fact === 'label' && answers?.label.kind === 'unsupported')
    return { known: false, reason: 'not-provided', detail: 'no security module here labels sockets' };
  if (fact === 'process' && answers?.process.kind === 'unsupported')
    return unsupported('this kernel has no SO_PEERPIDFD; Linux 6.5');
  return undefined;
}

/** Why a fact can never be known by a system's own questions. */
function untold(system: SystemFacts, fact: FactName): UnknownFact | undefined {
  switch (fact) {
    case 'uid':
    case 'gid':
      return 'reason' in system.ids ? { known: false, ...system.ids } : undefined;
    case 'groups':
      return 'reason' in system.groups ? { known: false, ...system.groups } : undefined;
    case 'label':
      return 'reason' in system.label ? { known: false, ...system.label } : undefined;
    case 'role':
      return undefined;
    case 'process':
      return system.name === 'linux' ? undefined : unsupported('this system has no pidfd of a peer');
    default:
      return unsupported('no witness for it was given');
  }
}

/**
 * Reads a policy for this process on this machine: plain data, from a program
 * or a file. Names are looked up now, once; so is our own user.
 *
 * @remarks
 * Trust: names come from `/etc/passwd` and `/etc/group`, or from `options.names`. Time: as of this call; a
 * user that is renamed or renumbered later is not noticed until the policy is read again.
 *
 * @throws {@link PolicyError} with every fault and the path to it: `rules[2].user`.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { peerCredentials } from 'sockcred';
 * import { definePolicy } from 'sockcred/authorization';
 *
 * const policy = definePolicy({
 *   rules: [
 *     { effect: 'allow', sameUser: true },
 *     { effect: 'allow', name: 'operators', group: 0 },
 *     { effect: 'deny', user: 65534 },
 *   ],
 * });
 * createServer(socket => {
 *   if (!policy.decide(peerCredentials(socket)).allowed) socket.destroy();
 * });
 * ```
 */
export function definePolicy(data: PolicyData, options?: PolicyOptions): Policy {
  const system = thisSystem();
  let asked: { readonly answers: OwnAnswers | undefined } | undefined;
  const answers = () => {
    asked ??= { answers: system.name === 'linux' ? ownAnswers() : undefined };
    return asked.answers;
  };
  const witnesses: readonly FactName[] = options?.witnesses ?? [];
  const ownUid = process.geteuid?.();
  return compilePolicy(data, {
    names: options?.names ?? systemNames(),
    ...(ownUid === undefined ? {} : { ownUid }),
    ...(options?.children === undefined ? {} : { children: options.children }),
    never: fact => {
      const why = witnesses.includes(fact) ? undefined : untold(system, fact);
      return why ?? (OF_THE_KERNEL.has(fact) ? unanswered(answers(), fact) : undefined);
    },
  });
}
