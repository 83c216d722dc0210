/** Which questions about a peer this kernel knows at all: put to our own socketpair, whose ends are both ours. */

import { closeDescriptor } from './descriptor.ts';
import { SEQPACKET } from './message-arena.ts';
import { socketPair } from './message-socket.ts';
import type { Outcome } from './outcome.ts';
import { peerAnswers } from './peer-answers.ts';
import { peerPidfd } from './peer-pidfd.ts';

/** What became of each question. */
export interface OwnAnswers {
  readonly groups: Outcome;
  /** `unsupported` also where no active security module labels sockets: socket(7), SO_PEERSEC. */
  readonly label: Outcome;
  readonly process: Outcome;
}

/** Undefined where not even that can be asked. */
export function ownAnswers(): OwnAnswers | undefined {
  const pair = socketPair(SEQPACKET);
  if ('refused' in pair) return undefined;
  try {
    const [fd] = pair.fds;
    const { groups, label } = peerAnswers(fd);
    const { fd: pidfd, outcome } = peerPidfd(fd);
    if (pidfd !== undefined) closeDescriptor(pidfd);
    return { groups, label, process: outcome };
  } catch {
    return undefined;
  } finally {
    for (const fd of pair.fds) closeDescriptor(fd);
  }
}
