/** What the kernel keeps a process inside of at this moment, as far as it can be seen from here. */

import type { ProcessFiles } from '../process/process-files.ts';
import { parseConfinement } from '../process/status-text.ts';
import { ownNamespace } from '../sys/namespaces.ts';
import type { Containment } from './claim.ts';

const NAMESPACES = [
  ['user', 'user namespace'],
  ['mnt', 'mount namespace'],
  ['pid', 'pid namespace'],
  ['net', 'network namespace'],
] as const;

/** Does this kind of namespace differ from ours? False also where that is not to be seen. */
function differs(files: ProcessFiles, name: string, ours: string | undefined): boolean {
  try {
    return ours !== undefined && files.link(`ns/${name}`) !== ours;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return false;
    throw error;
  }
}

/** What holds the process; our own network namespace is the one that can change, and is told. */
export function containmentOf(files: ProcessFiles, ownNetwork: string | undefined): readonly Containment[] {
  const { seccomp, noNewPrivileges } = parseConfinement(files.text('status'));
  return Object.freeze([
    ...(seccomp === 'filter' || seccomp === 'strict' ? (['seccomp'] as const) : []),
    ...(noNewPrivileges === true ? (['no-new-privileges'] as const) : []),
    ...NAMESPACES.filter(([name]) =>
      differs(files, name, name === 'net' ? ownNetwork : ownNamespace(name)),
    ).map(([, containment]) => containment),
  ]);
}
