/** Names for the error numbers of this system, as errno(3) spells them. */

import { os } from './builtin-modules.ts';

let names: ReadonlyMap<number, string> | undefined;

function namesByNumber(): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const [name, value] of Object.entries(os().constants.errno)) {
    // EAGAIN and EWOULDBLOCK, EOPNOTSUPP and ENOTSUP share numbers: the first name stays.
    if (!found.has(value)) found.set(value, name);
  }
  return found;
}

/** The name of an errno, or `errno 123` where the runtime has no name for it. */
export function errnoName(errno: number): string {
  names ??= namesByNumber();
  return names.get(errno) ?? `errno ${errno}`;
}
