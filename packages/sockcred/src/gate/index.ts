/** `sockcred/gate`: only those who may come in reach a server. Re-exports only. */

export { type Admission, type AdmittedSource, admissionOf, peerOf } from './admissions.ts';
export { type Admitting, admit } from './admit.ts';
export type { Authorize, GateOptions } from './doorkeeper.ts';
export type { AdmittedEvent, DeniedEvent, FailedEvent, LimitedEvent } from './events.ts';
export { type CloseOptions, createGate, type Gate } from './gate.ts';
export type { ConnectionInjector, Target } from './hand-over.ts';
export { type LimitName, type Limits, limitsFault } from './limits.ts';
