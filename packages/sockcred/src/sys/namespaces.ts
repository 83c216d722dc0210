/** Which namespaces this program itself is in, to compare those of others with. */

import { addon } from './addon.ts';
import { closeDescriptor } from './descriptor.ts';
import { errnoName } from './errno.ts';
import { FROM_THE_ROOT, readLink } from './kernel-record.ts';
import { outcomeOf } from './outcome.ts';
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
    // Each thread has a network namespace of its own, and what we ask here is asked by this one.
    const link = readLink(FROM_THE_ROOT, `/proc/${name === 'net' ? 'thread-self' : 'self'}/ns/${name}`);
    if (name !== 'net') own.set(name, link);
    return link;
  } catch {
    return undefined;
  }
}

/**
 * Is the user or pid namespace that a link below an open directory leads to one below ours, at any depth? Our own is
 * not, nor is one above or beside it. False also where the kernel does not tell (before Linux 4.9).
 */
export function isBelowOurs(directory: number, path: string): boolean {
  const result = addon().namespaceBelow(directory, Buffer.from(path));
  if (result >= 0) return result === 1;
  if (outcomeOf(-result).kind === 'unsupported') return false;
  const code = errnoName(-result);
  throw Object.assign(new Error(`${path} cannot be opened: ${code}`), { code });
}

function ownCookie(): bigint | undefined {
  const fd = addon().streamSocket();
  if (fd < 0) return undefined;
  try {
    return netnsCookie(fd);
  } finally {
    closeDescriptor(fd);
  }
}

let seen: { readonly link: string; readonly cookie: bigint } | undefined;

/**
 * Is this the cookie of the network namespace in which this thread makes
 * sockets now? It must be of a socket that is open; `link` is what
 * `ownNamespace('net')` says now. Undefined before Linux 5.14.
 */
export function isOwnNetwork(cookie: bigint, link: string | undefined): boolean | undefined {
  // The socket keeps its namespace, and so the namespace its number: where both are as they were seen
  // together, this is the one. Anything else is asked anew.
  if (seen !== undefined && seen.link === link && seen.cookie === cookie) return true;
  const ours = ownCookie();
  if (ours === undefined) return undefined;
  if (link !== undefined) seen = { link, cookie: ours };
  return ours === cookie;
}
