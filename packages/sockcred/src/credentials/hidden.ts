/** What namespaces keep from being told, whoever is asked about: a peer, a sender, a process. */

import { type UnknownEvidence, unknown } from './evidence.ts';

/** Where the kernel gave the overflow id: user_namespaces(7). */
export const HIDDEN_UID: UnknownEvidence = unknown(
  'hidden',
  'the overflow id: a user without a mapping in our user namespace, or one whose id that is',
);

/** The same of a group. */
export const HIDDEN_GID: UnknownEvidence = unknown(
  'hidden',
  'the overflow id: a group without a mapping in our user namespace, or one whose id that is',
);

/** Where the kernel gave 0 for a process: pid_namespaces(7). */
export const HIDDEN_PID: UnknownEvidence = unknown(
  'hidden',
  'the process is in a pid namespace that cannot be seen from here',
);
