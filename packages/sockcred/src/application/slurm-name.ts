/**
 * Steps of Slurm's jobs, by the names of cgroups, as the documentation of its
 * cgroup plugins has them. Pure. Anchored at the root: Slurm's own directory is
 * root's, and the same names elsewhere are anybody's.
 */

/** One step of a job, and the index of the segment that names it. */
export interface SlurmStep {
  readonly job: string;
  readonly step: string;
  readonly at: number;
}

const JOB = /^job_(\d{1,10})$/;
const STEP = /^step_(\d{1,10}|batch|extern|interactive)$/;
/** The plugin for the unified hierarchy; the node's name is in it where a machine plays several. */
const SCOPE = /^(?:[\w.-]{1,64}_)?slurmstepd\.scope$/;
/** The plugin for the old hierarchies. */
const TOP = /^slurm(?:_[\w.-]{1,64})?$/;

/** The step that the way to a cgroup leads through. */
export function slurmStep(segments: readonly string[]): SlurmStep | undefined {
  const [first = '', second = ''] = segments;
  const own =
    first === 'system.slice' ? SCOPE.test(second) : TOP.test(first) && /^uid_\d{1,10}$/.test(second);
  const job = JOB.exec(segments[2] ?? '')?.[1];
  const step = STEP.exec(segments[3] ?? '')?.[1];
  return own && job !== undefined && step !== undefined ? { job, step, at: 3 } : undefined;
}
