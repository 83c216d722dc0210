/**
 * What the kernel keeps a process inside of at this moment, as far as it can be
 * seen from here. A namespace that merely differs from ours holds nobody: ours
 * may be the small one. Only a user or pid namespace below ours is a wall on
 * its side; mount and network namespaces have no order, and are never counted.
 */

import type { PidfdAnswer } from '../process/pin.ts';
import type { ProcessFiles } from '../process/process-files.ts';
import { parseConfinement } from '../process/status-text.ts';
import { ownNamespace } from '../sys/namespaces.ts';
import type { Containment } from './claim.ts';

/** Is it in a namespace below ours? False also where that is not to be seen. */
function isBelow(files: ProcessFiles, kind: 'user' | 'pid', seen: boolean): boolean {
  const ours = ownNamespace(kind);
  try {
    // The question costs four system calls, and is not needed of who is in ours.
    return (
      ours !== undefined && files.link(`ns/${kind}`) !== ours && (seen || files.isBelowOurs(`ns/${kind}`))
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return false;
    throw error;
  }
}

/** What holds the process. */
export function containmentOf(files: ProcessFiles, info: PidfdAnswer): readonly Containment[] {
  const { seccomp, noNewPrivileges } = parseConfinement(files.text('status'));
  // Who has a number in our pid namespace is in it or below it: pid_namespaces(7).
  const numbered = !('refused' in info) && info.ids !== undefined;
  return Object.freeze([
    ...(seccomp === 'filter' || seccomp === 'strict' ? (['seccomp'] as const) : []),
    ...(noNewPrivileges === true ? (['no-new-privileges'] as const) : []),
    ...(isBelow(files, 'user', false) ? (['user namespace'] as const) : []),
    ...(isBelow(files, 'pid', numbered) ? (['pid namespace'] as const) : []),
  ]);
}
