/**
 * A running process as if it had just connected, to try a policy on it. Nobody
 * vouches for more than that the process is so at this moment: there is no socket.
 */

import type { OtherWitnesses } from '../authorization/fact.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { type HeldProcess, pinBehind } from '../process/held-process.ts';
import { supposedWitnesses } from '../witnesses/identify.ts';
import { madeUpPeer } from './made-up-peer.ts';

/** What a gate would go by. */
export interface Supposed {
  /** User, group, groups and pid of now; the role of one who connects. No label: a process has none before it makes a socket. */
  readonly peer: PeerCredentials;
  /** The other facts of now, weighed as if a socket had given the process; but for `process`. */
  readonly others: OtherWitnesses;
}

/**
 * What a gate would go by if this process connected now.
 *
 * @remarks
 * Trust: none; for tests and dry runs. The values have the types of live answers. Time: now, and each time
 * that a fact is asked for; `process` has to be held as long.
 *
 * @throws {@link PeerError} `ERR_PEER_CLOSED`
 *
 * @example
 * ```ts
 * import { sameUserOnly } from 'sockcred/authorization';
 * import { runningProcess } from 'sockcred/process';
 * import { asIfConnected } from 'sockcred/testing';
 *
 * const self = runningProcess(process.pid);
 * const { peer, others } = asIfConnected(self);
 * console.log(sameUserOnly().decide(peer, others).allowed); // true
 * self.close();
 * ```
 */
export function asIfConnected(process: HeldProcess): Supposed {
  const { ids, groups } = process.now();
  const { effectiveUid: uid, effectiveGid: gid } = ids.known ? ids.value : {};
  // Groups without the effective one of the same moment would be no complete list.
  const complete = groups.known && gid !== undefined && groups.value.includes(gid);
  const peer = madeUpPeer({
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(process.pid === undefined ? {} : { pid: process.pid }),
    ...(complete ? { groups: groups.value } : {}),
  });
  return Object.freeze({ peer, others: supposedWitnesses(process, pinBehind(process)) });
}
