/**
 * systemd: units, slices and sessions, by the names of cgroups. A system unit
 * in a directory of root is root's word; what is below a user's own manager,
 * applications of the desktop included, is that user's.
 */

import type { Claim } from './claim.ts';
import { wordOf } from './claim.ts';
import type { Detector } from './detector.ts';
import { unitNames } from './unit-name.ts';

export const systemd: Detector = {
  engine: 'systemd',
  detect(evidences) {
    const { segments, binding } = evidences.cgroup();
    const names = unitNames(segments.map(({ name }) => name));
    if (names === undefined) return 'not-mine';
    const { unitAt, userUnitAt, ...said } = names;
    // The whole claim is worth what its weakest part is: the innermost name that it reads.
    const at = userUnitAt ?? unitAt ?? segments.length - 1;
    const claim: Claim = {
      engine: 'systemd',
      ...said,
      binding,
      authority: segments[at]?.authority ?? wordOf(undefined),
      containment: [],
      evidence: 'cgroup',
      captured: 'now',
    };
    return [Object.freeze(claim)];
  },
};
