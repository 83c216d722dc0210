/**
 * sockcred: who is really at the other end of a local (Unix) socket, with the
 * kernel as the only witness.
 */

export type { CgroupSegment, PeerCgroup } from './application/cgroup.ts';
export type {
  Authority,
  Claim,
  ContainerRuntime,
  Containment,
  Engine,
  InstanceCheck,
} from './application/claim.ts';
export {
  type ApplicationOptions,
  type PeerApplication,
  peerApplication,
  peerCgroup,
} from './application/peer-application.ts';
export { type SecurityContext, securityContext } from './application/security-context.ts';
export { type PeerOptions, type PeerSource, peerCredentials } from './credentials/ask.ts';
export { listenerCredentials, withListener } from './credentials/ask-listener.ts';
export type {
  CaptureMoment,
  CredentialField,
  Evidence,
  EvidenceSource,
  KnownEvidence,
  PeerEvidence,
  PeerRole,
  UnknownEvidence,
  UnknownReason,
} from './credentials/evidence.ts';
export { escapeText, type FormatOptions, formatPeer } from './credentials/format.ts';
export {
  type LabelJson,
  type PeerJson,
  peerToJson,
  recordedPeer,
  SCHEMA_VERSION,
} from './credentials/json.ts';
export type { SecurityLabel } from './credentials/label.ts';
export type { OtherIds, PeerCredentials, PeerFacts, RecordedPeer } from './credentials/peer-credentials.ts';
export { inGroup, isUser, type Peer, required, sameUser } from './credentials/questions.ts';
export type { Side } from './credentials/role.ts';
export type { PeerOption } from './credentials/systems.ts';
export { type Diagnosis, diagnose } from './diagnosis/diagnose.ts';
export type { Mechanism, MechanismState } from './diagnosis/mechanisms.ts';
export {
  type ErrorScope,
  PeerError,
  type PeerErrorCode,
  type PeerErrorDetails,
  PeerTypeError,
  type PeerTypeErrorCode,
} from './errors.ts';
export { type Listening, type ListenOptions, listenAt } from './listening/listen-at.ts';
export type {
  Confinement,
  Executable,
  NamespaceName,
  Namespaces,
  ProcessDescription,
} from './process/description.ts';
export type { Drift, DriftKind } from './process/drift.ts';
export type { Binding, Fact, FactSource, KnownFact } from './process/graded.ts';
export {
  duplicateDescriptor,
  type HeldProcess,
  type PeerProcess,
  peerProcess,
  runningProcess,
} from './process/peer-process.ts';
export type { ProcessFiles } from './process/process-files.ts';
export type { ExitStatus, ProcessIds, ProcessState } from './process/process-state.ts';
export type { Capabilities, SeccompMode } from './process/status-text.ts';
export { type UnixSocket, type UnixSockets, unixSockets } from './sockets/unix-sockets.ts';
export type { SocketSource } from './sys/socket-handle.ts';
export type { Holder } from './sys/socket-holders.ts';
