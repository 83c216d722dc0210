/**
 * What became of one question to the kernel, translated once from a status of
 * `native/sys.h` so that nothing above `sys/` ever sees an error number.
 */

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
  /** There is an answer, and a namespace keeps it from being told here. */
  | 'hidden'
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
const SYS_NO_DATA = 0x10004;
const SYS_HIDDEN = 0x10007;

const BAD_LENGTH: Outcome = Object.freeze({ kind: 'bad-length' });
const UNSUPPORTED: Outcome = Object.freeze({ kind: 'unsupported' });
const NO_DATA: Outcome = Object.freeze({ kind: 'no-data' });
const HIDDEN: Outcome = Object.freeze({ kind: 'hidden' });
const MAYBE_INCOMPLETE: Outcome = Object.freeze({ kind: 'maybe-incomplete' });

/** By errno. */
const refusals: (Outcome | undefined)[] = [];

function refusal(errno: string): Outcome {
  switch (errno) {
    case 'ENOPROTOOPT':
      return { kind: 'unsupported', errno };
    case 'ENODATA':
      return { kind: 'no-data', errno };
    default:
      return { kind: 'refused', errno };
  }
}

/** The outcome that a status stands for; the same object for the same status. */
export function outcomeOf(status: number): Outcome {
  switch (status) {
    case 0:
      return ANSWERED;
    case SYS_BAD_LENGTH:
      return BAD_LENGTH;
    case SYS_UNSUPPORTED:
      return UNSUPPORTED;
    case SYS_MAYBE_INCOMPLETE:
      return MAYBE_INCOMPLETE;
    case SYS_NO_DATA:
      return NO_DATA;
    case SYS_HIDDEN:
      return HIDDEN;
    default: {
      const outcome = refusals[status] ?? Object.freeze(refusal(errnoName(status)));
      refusals[status] = outcome;
      return outcome;
    }
  }
}
