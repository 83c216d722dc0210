/**
 * One detector answers whether a process is one of its engine's. There are
 * three answers: it is (claims), it is not (`not-mine`), and it cannot be told,
 * which is thrown. What cannot be told is never taken for "it is not": a
 * process that dies between two detectors would be a program of the host.
 */

import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import type { PidfdAnswer, Pin } from '../process/pin.ts';
import type { ProcessFiles } from '../process/process-files.ts';
import type { PeerCgroup } from './cgroup.ts';
import type { Claim, Containment, Engine } from './claim.ts';

/** What a detector may look at, inside one bracketed read. */
export interface Evidences {
  /** What was recorded with the socket, where there is one. */
  readonly peer: PeerCredentials | undefined;
  readonly pin: Pin;
  readonly files: ProcessFiles;
  /** What the kernel tells by the pidfd, in this bracket. */
  readonly info: PidfdAnswer;
  /** Read once, by the first detector that wants it. */
  cgroup(): PeerCgroup;
  containment(): readonly Containment[];
}

export interface Detector {
  readonly engine: Engine;
  /** Claims, the innermost first; `not-mine` where the engine has no part in the process. */
  detect(evidences: Evidences): readonly Claim[] | 'not-mine';
}

/** It cannot be told; the message says why. */
export class DetectorFailure extends Error {}
