/** `sockcred/gate`: only those who may come in reach a server. Re-exports only. */

export { descriptorLimit } from '../sys/descriptor-limit.ts';
export {
  type Admission,
  type AdmittedSource,
  admissionOf,
  type Denial,
  denialOf,
  type Limitation,
  limitationOf,
  peerOf,
} from './admissions.ts';
export { type Admitting, admit } from './admit.ts';
export type { Accepted, Authorize, DoorOptions } from './doorkeeper.ts';
export type {
  AdmittedEvent,
  DeniedEvent,
  EndedEvent,
  EndReason,
  FailedEvent,
  LimitedEvent,
} from './events.ts';
export { type CloseOptions, createGate, type Gate, type GateOptions } from './gate.ts';
export type { AdmittedConnection } from './guests.ts';
export type { ConnectionInjector, Target } from './hand-over.ts';
export { type LimitName, type Limits, limitsFault } from './limits.ts';
export type { RefuseOptions } from './refusal.ts';
