/**
 * sockcred/process: the process behind the peer, held so that it cannot be
 * taken for another one, as it is now against as it was.
 */

export type { ReceivedFd } from '../sys/owned-fd.ts';
export type {
  Confinement,
  Executable,
  NamespaceName,
  Namespaces,
  ProcessDescription,
} from './description.ts';
export type { Drift, DriftKind } from './drift.ts';
export type { Binding, Fact, FactSource, KnownFact } from './graded.ts';
export type { HeldProcess } from './held-process.ts';
export type { LastUser } from './last-user.ts';
export {
  duplicateDescriptor,
  type PeerProcess,
  peerProcess,
  runningProcess,
} from './peer-process.ts';
export type { ProcessFiles } from './process-files.ts';
export type { ExitStatus, ProcessIds, ProcessState, UserNamespace } from './process-state.ts';
export type { Capabilities, SeccompMode } from './status-text.ts';
