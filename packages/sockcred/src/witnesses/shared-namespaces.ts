/** Which namespaces a process has in common with this program; to be asked inside a bracketed read. */

import type { NamespaceKind, SharedNamespaces } from '../authorization/fact.ts';
import { NAMESPACES } from '../process/description.ts';
import type { ProcessFiles } from '../process/process-files.ts';
import { ownNamespace } from '../sys/namespaces.ts';

/**
 * Compares the kernel's names of both: two namespaces that exist have different ones, namespaces(7).
 * A kind that this kernel lacks is left out. Throws where the process may not be looked at.
 */
export function sharedNamespaces(files: ProcessFiles): SharedNamespaces {
  const shared: Partial<Record<NamespaceKind, boolean>> = {};
  for (const kind of NAMESPACES) {
    const ours = ownNamespace(kind);
    if (ours !== undefined) shared[kind] = files.link(`ns/${kind}`) === ours;
  }
  return Object.freeze(shared);
}
