/**
 * What became of one question to the kernel, translated once from a status of
 * `native/sys.h` so that nothing above `sys/` ever sees an error number.
 */

import { constants } from 'node:os';
import { errnoName } from './errno.ts';

/** One question's fate. Only `'answered'` means that there is a value to read. */
export type OutcomeKind =
  | 'answered'
  /** This kernel, or this build for it, does not know the question. */
  | 'unsupported'
  /** The kernel knows the question, and has nothing to say about this socket. */
  | 'no-data'
  /** The answer had another length than its type. */
  | 'bad-length'
  /** The kernel's list is capped and this one reached the cap. */
  | 'maybe-incomplete'
  /** The process asked about exists no longer. */
  | 'gone'
  /** Any other error. */
  | 'refused';

export interface Outcome {
  readonly kind: OutcomeKind;
  /** Name of the error, where there was one. */
  readonly errno?: string;
}

export const ANSWERED: Outcome = Object.freeze({ kind: 'answered' });

/** Statuses above every errno: the SYS_ codes of `native/sys.h`. */
const SYS_BAD_LENGTH = 0x10001;
const SYS_UNSUPPORTED = 0x10002;
const SYS_MAYBE_INCOMPLETE = 0x10003;

const kinds = new Map<number, OutcomeKind>([
  [SYS_BAD_LENGTH, 'bad-length'],
  [SYS_UNSUPPORTED, 'unsupported'],
  [SYS_MAYBE_INCOMPLETE, 'maybe-incomplete'],
  [constants.errno.ENOPROTOOPT, 'unsupported'],
  [constants.errno.ENODATA, 'no-data'],
]);

const interned = new Map<number, Outcome>();

/** The outcome that a status stands for; the same object for the same status. */
export function outcomeOf(status: number): Outcome {
  if (status === 0) return ANSWERED;
  let outcome = interned.get(status);
  if (outcome === undefined) {
    const kind = kinds.get(status) ?? 'refused';
    outcome = Object.freeze(status < SYS_BAD_LENGTH ? { kind, errno: errnoName(status) } : { kind });
    interned.set(status, outcome);
  }
  return outcome;
}
