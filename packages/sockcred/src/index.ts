/**
 * sockcred: who is really at the other end of a local (Unix) socket, with the
 * kernel as the only witness.
 */

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
export { type UnixSocket, type UnixSockets, unixSockets } from './sockets/unix-sockets.ts';
export type { SocketSource } from './sys/socket-handle.ts';
export type { Holder } from './sys/socket-holders.ts';
