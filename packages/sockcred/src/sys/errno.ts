/** Names for the error numbers of this system, as errno(3) spells them. */

import { constants } from 'node:os';

const names = new Map<number, string>();
for (const [name, value] of Object.entries(constants.errno)) {
  // EAGAIN and EWOULDBLOCK, EOPNOTSUPP and ENOTSUP share numbers: the first name stays.
  if (!names.has(value)) names.set(value, name);
}

/** The name of an errno, or `errno 123` where the runtime has no name for it. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}
