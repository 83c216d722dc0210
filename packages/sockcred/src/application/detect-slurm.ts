/** Slurm: the step of a job, by the names of cgroups, each the word of whoever owns the directory. */

import type { Claim } from './claim.ts';
import { wordOf } from './claim.ts';
import type { Detector } from './detector.ts';
import { slurmStep } from './slurm-name.ts';

export const slurm: Detector = {
  engine: 'slurm',
  detect(evidences) {
    const { segments, binding } = evidences.cgroup();
    const found = slurmStep(segments.map(({ name }) => name));
    if (found === undefined) return 'not-mine';
    const claim: Claim = {
      engine: 'slurm',
      instanceId: `${found.job}.${found.step}`,
      binding,
      authority: segments[found.at]?.authority ?? wordOf(undefined),
      containment: evidences.containment(),
      evidence: 'cgroup',
      captured: 'now',
    };
    return [Object.freeze(claim)];
  },
};
