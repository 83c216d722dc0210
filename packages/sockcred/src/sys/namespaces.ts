/** Which namespaces this program itself is in, to compare those of others with. */

import { addon } from './addon.ts';
import { fs } from './builtin-modules.ts';
import { closeDescriptor } from './descriptor.ts';
import { netnsCookie } from './pidfd.ts';

const own = new Map<string, string>();

/**
 * `mnt:[4026531840]` and so on; undefined where procfs does not tell. Read once
 * per thread, but for the network's: a program with several threads, as every
 * JavaScript runtime is, gets no other user or mount namespace: setns(2).
 */
export function ownNamespace(name: string): string | undefined {
  const known = own.get(name);
  if (known !== undefined) return known;
  try {
    const link = fs().readlinkSync(`/proc/self/ns/${name}`);
    if (name !== 'net') own.set(name, link);
    return link;
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
