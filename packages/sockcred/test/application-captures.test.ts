/** What the kernel lists of processes in containers of each engine, read as it was captured. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedCgroup, parseCgroupLines, pathSegments } from '../dist/application/cgroup-lines.js';
import { containerNames } from '../dist/application/container-name.js';
import { slurmStep } from '../dist/application/slurm-name.js';
import { CAPTURES, SLURM_CAPTURES } from './support/cgroup-captures.js';

test('T56: what the kernel lists for each engine is told as that engine’s container', () => {
  for (const { of, how, text, containers, podId } of CAPTURES) {
    const lines = parseCgroupLines(text);
    const named = lines === undefined ? undefined : namedCgroup(lines);
    assert.ok(named !== undefined && named !== 'ambiguous', of);
    const found = containerNames(pathSegments(named.path).segments);
    assert.deepEqual(
      found.map(({ runtime, id }) => [runtime, id]),
      containers,
      `${of} (${how})`,
    );
    assert.equal(found[0]?.podId, podId, of);
  }
});

test('a step of a job of Slurm is told where Slurm puts it, and nowhere else', () => {
  for (const { of, text, step } of SLURM_CAPTURES) {
    const named = namedCgroup(parseCgroupLines(text) ?? []);
    assert.ok(named !== undefined && named !== 'ambiguous', of);
    const { segments } = pathSegments(named.path);
    const found = slurmStep(segments);
    assert.equal(`${found?.job}.${found?.step}`, step, of);
    assert.equal(segments[found?.at ?? 0]?.startsWith('step_'), true, of);
    assert.equal(slurmStep(['user.slice', ...segments]), undefined, 'below a directory of somebody else');
    assert.equal(slurmStep(segments.slice(0, 3)), undefined, 'a job without a step');
  }
  for (const path of [
    '/system.slice/slurmd.service',
    '/system.slice/slurmstepd.scope/system',
    '/system.slice/xslurmstepd.scope/job_1/step_0',
    '/system.slice/slurmstepd.scope/job_1x/step_0',
    '/slurm/job_1/step_0/task_0',
  ]) {
    assert.equal(slurmStep(pathSegments(path).segments), undefined, path);
  }
});
