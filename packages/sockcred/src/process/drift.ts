/**
 * How a process has changed since the kernel recorded it for its socket, and
 * since it was first held. Pure. What was not recorded then cannot be compared:
 * such a change is told with its beginning left open, never left out.
 */

import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import type { Executable } from './description.ts';
import type { Fact } from './graded.ts';
import type { ProcessIds, ProcessState, UserNamespace } from './process-state.ts';
import type { Capabilities } from './status-text.ts';

/** What can change. `executable`: another program was executed, or the same one again. */
export type DriftKind = 'uid' | 'gid' | 'groups' | 'capabilities' | 'cgroup' | 'executable' | 'exited';

/** One change. */
export interface Drift {
  readonly what: DriftKind;
  /**
   * Compared with what: what the kernel recorded with the socket (`recorded`),
   * or how the process was when `peerProcess()` first held it (`held`). Absent
   * where neither tells how it was before.
   */
  readonly since?: 'recorded' | 'held';
  /** One sentence of numbers and names of this library, and a path as the kernel gives it. */
  readonly detail: string;
}

/** What is compared. */
export interface Snapshot {
  readonly state: ProcessState;
  readonly executable: Fact<Executable>;
}

/** A later one. */
export interface LaterSnapshot extends Snapshot {
  /** It has another address space than at first, which only exec gives. False also where that cannot be told. */
  readonly executed: boolean;
}

const value = <T>(given: Fact<T>): T | undefined => (given.known ? given.value : undefined);

function since(what: DriftKind, from: 'recorded' | 'held' | undefined, detail: string): Drift {
  return Object.freeze({ what, ...(from === undefined ? {} : { since: from }), detail });
}

function idDrift(
  what: 'uid' | 'gid',
  recorded: number | undefined,
  ids: ProcessIds | undefined,
  held: ProcessIds | undefined,
): readonly Drift[] {
  const name = what === 'uid' ? 'effectiveUid' : 'effectiveGid';
  const now = ids?.[name];
  if (now === undefined) return [];
  const before = recorded ?? held?.[name];
  if (before === undefined || before === now) return [];
  return [
    since(what, recorded === undefined ? 'held' : 'recorded', `effective ${what} ${before} is now ${now}`),
  ];
}

function groupDrift(peer: PeerCredentials, now: readonly number[] | undefined): readonly Drift[] {
  const before = peer.groups;
  if (before === undefined || now === undefined) return [];
  const gained = now.filter(gid => !before.includes(gid));
  const lost = before.filter(gid => !now.includes(gid));
  if (gained.length === 0 && lost.length === 0) return [];
  const part = (word: string, list: readonly number[]) =>
    list.length === 0 ? [] : [`${word} ${list.join(' ')}`];
  return [
    since('groups', 'recorded', `groups: ${[...part('gained', gained), ...part('lost', lost)].join(', ')}`),
  ];
}

const hex = (set: bigint) => `0x${set.toString(16)}`;

/** Any capability that counts now or can be taken up at will. */
const held = ({ effective, permitted }: Capabilities) => effective | permitted;

/** Capabilities, and the user namespace that they count in; absent where that is not told. */
interface Held {
  readonly capabilities: Capabilities;
  readonly namespace: UserNamespace | undefined;
}

function heldIn({ capabilities, userNamespace }: ProcessState): Held | undefined {
  const sets = value(capabilities);
  return sets === undefined ? undefined : { capabilities: sets, namespace: value(userNamespace) };
}

function where(namespace: UserNamespace | undefined): string {
  if (namespace === undefined) return ' in a user namespace that is not told';
  return namespace.relation === 'ours' ? '' : ` in user namespace ${namespace.number}`;
}

/** Whoever makes a user namespace has every capability in it, and none more over anybody outside: capabilities(7). */
function capabilityDrift(
  peer: PeerCredentials,
  before: Held | undefined,
  now: Held | undefined,
): readonly Drift[] {
  if (now === undefined) return [];
  const all = held(now.capabilities);
  const moved =
    before?.namespace !== undefined &&
    now.namespace !== undefined &&
    before.namespace.number !== now.namespace.number;
  if (before !== undefined && !moved) {
    const had = held(before.capabilities);
    const gained = all & ~had;
    const lost = had & ~all;
    const [word, set] = gained === 0n ? ['lost', lost] : ['gained', gained];
    if (set !== 0n) {
      return [since('capabilities', 'held', `capabilities ${word}${where(now.namespace)}: ${hex(set)}`)];
    }
  }
  // No kernel records capabilities with a socket: a user other than root who has some may have got them since.
  if (peer.uid === undefined || peer.uid === 0 || all === 0n || now.namespace?.relation === 'below')
    return [];
  return [
    since(
      'capabilities',
      undefined,
      `uid ${peer.uid} has capabilities ${hex(all)}${where(now.namespace)}; since when is not known`,
    ),
  ];
}

function cgroupDrift(before: bigint | undefined, now: bigint | undefined): readonly Drift[] {
  if (before === undefined || now === undefined || before === now) return [];
  return [since('cgroup', 'held', `cgroup ${before} is now ${now}`)];
}

function executableDrift(
  before: Executable | undefined,
  now: Executable | undefined,
  executed: boolean,
): readonly Drift[] {
  const told = (detail: string) => [since('executable', 'held', detail)];
  if (before === undefined || now === undefined) {
    return executed ? told('a program was executed; whether another one cannot be seen') : [];
  }
  if (before.device !== now.device || before.inode !== now.inode) {
    return told(`the program ${before.path} is now ${now.path}`);
  }
  return executed ? told(`the program ${now.path} was executed again`) : [];
}

/** Every change, as far as both sides are known. */
export function driftBetween(peer: PeerCredentials, before: Snapshot, now: LaterSnapshot): readonly Drift[] {
  const ids = value(now.state.ids);
  const heldIds = value(before.state.ids);
  return Object.freeze([
    ...(now.state.alive ? [] : [since('exited', 'recorded', 'the process has ended')]),
    ...idDrift('uid', peer.uid, ids, heldIds),
    ...idDrift('gid', peer.gid, ids, heldIds),
    ...groupDrift(peer, value(now.state.groups)),
    ...capabilityDrift(peer, heldIn(before.state), heldIn(now.state)),
    ...cgroupDrift(value(before.state.cgroup), value(now.state.cgroup)),
    ...executableDrift(value(before.executable), value(now.executable), now.executed),
  ]);
}
