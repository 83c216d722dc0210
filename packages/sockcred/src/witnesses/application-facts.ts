/**
 * Unit, user's unit, container and application, as facts of an answer that is
 * there. Pure. Of several nested units or containers the outermost counts: what
 * is inside cannot choose its name.
 */

import type { PeerCgroup } from '../application/cgroup.ts';
import { type Claim, wordOf } from '../application/claim.ts';
import { containerNames } from '../application/container-name.ts';
import type { PeerApplication } from '../application/peer-application.ts';
import { unitNames } from '../application/unit-name.ts';
import type { KnownFact, OtherWitnesses } from '../authorization/fact.ts';
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

/** By the sandboxes, which come first: the application that a unit is named after is the unit's name. */
export function applicationFact(claims: readonly Claim[]): Name {
  const claim = claims.find(({ engine }) => engine === 'flatpak' || engine === 'snap');
  if (claim?.applicationId === undefined) return NONE;
  return weighedClaim(claim.applicationId, claim.authority, claim.binding);
}

/**
 * What an answer of {@link peerApplication} tells a policy, where a program has one already or has kept one: unit,
 * user's unit, container, application. For live peers {@link identifyPeer} asks for no more than is needed.
 *
 * @remarks
 * Trust: as the answer itself. It has to be one for which all engines were asked: what was not asked for looks like
 * "none". Time: of the answer.
 *
 * @example
 * ```ts
 * import type { Socket } from 'node:net';
 * import { peerCredentials } from 'sockcred';
 * import { peerApplication } from 'sockcred/application';
 * import type { Policy } from 'sockcred/authorization';
 * import { applicationWitnesses } from 'sockcred/witnesses';
 *
 * export const decide = (policy: Policy, socket: Socket) =>
 *   policy.decide(peerCredentials(socket), applicationWitnesses(peerApplication(socket)));
 * ```
 */
export function applicationWitnesses({
  claims,
  cgroup,
}: Pick<PeerApplication, 'claims' | 'cgroup'>): OtherWitnesses {
  return {
    application: () => applicationFact(claims),
    ...(cgroup === undefined
      ? {}
      : {
          unit: () => unitFact(cgroup),
          userUnit: () => userUnitFact(cgroup),
          container: () => containerFact(cgroup),
        }),
  };
}
