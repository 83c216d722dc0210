/**
 * Unit, user's unit and container, by the cgroup of the peer's process. Pure.
 * Of several nested ones the outermost counts: what is inside cannot choose its name.
 */

import type { PeerCgroup } from '../application/cgroup.ts';
import { wordOf } from '../application/claim.ts';
import { containerNames } from '../application/container-name.ts';
import { unitNames } from '../application/unit-name.ts';
import type { KnownFact } from '../authorization/fact.ts';
import { NONE, weighedClaim } from './weight.ts';

type Name = KnownFact<string | null>;

const namesOf = ({ segments }: PeerCgroup) => segments.map(({ name }) => name);

/** A name is worth what the directory is that has it. */
function named({ segments, binding }: PeerCgroup, name: string | undefined, at: number | undefined): Name {
  if (name === undefined || at === undefined) return NONE;
  return weighedClaim(name, segments[at]?.authority ?? wordOf(undefined), binding);
}

export function unitFact(cgroup: PeerCgroup): Name {
  const names = unitNames(namesOf(cgroup));
  return named(cgroup, names?.unit, names?.unitAt);
}

export function userUnitFact(cgroup: PeerCgroup): Name {
  const names = unitNames(namesOf(cgroup));
  return named(cgroup, names?.userUnit, names?.userUnitAt);
}

export function containerFact(cgroup: PeerCgroup): Name {
  const outermost = containerNames(namesOf(cgroup)).at(-1);
  return named(cgroup, outermost?.id, outermost?.at);
}
