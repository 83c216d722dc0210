/** Which namespaces this program itself is in, to compare those of others with. */

import { addon } from './addon.ts';
import { fs } from './builtin-modules.ts';
import { closeDescriptor } from './descriptor.ts';
import { netnsCookie } from './pidfd.ts';

/** `mnt:[4026531840]` and so on; undefined where procfs does not tell. */
export function ownNamespace(name: string): string | undefined {
  try {
    return fs().readlinkSync(`/proc/self/ns/${name}`);
  } catch {
    return undefined;
  }
}

/** The network namespace in which this program makes sockets now; undefined before Linux 5.14. */
export function ownNetnsCookie(): bigint | undefined {
  const fd = addon().streamSocket();
  if (fd < 0) return undefined;
  try {
    return netnsCookie(fd);
  } finally {
    closeDescriptor(fd);
  }
}
