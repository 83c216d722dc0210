/** Containers, by the names of cgroups: each the word of whoever owns the directory. */

import type { Claim } from './claim.ts';
import { wordOf } from './claim.ts';
import { containerNames } from './container-name.ts';
import type { Detector } from './detector.ts';

export const container: Detector = {
  engine: 'container',
  detect(evidences) {
    const { segments, binding } = evidences.cgroup();
    const found = containerNames(segments.map(({ name }) => name));
    if (found.length === 0) return 'not-mine';
    return found.map(
      ({ runtime, id, podId, at }): Claim =>
        Object.freeze({
          engine: 'container',
          runtime,
          instanceId: id,
          ...(podId === undefined ? {} : { podId }),
          binding,
          authority: segments[at]?.authority ?? wordOf(undefined),
          containment: evidences.containment(),
          evidence: 'cgroup',
          captured: 'now',
        }),
    );
  },
};
