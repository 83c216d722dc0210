/**
 * What a claim weighs in a policy: strong, or who could have made it up. Pure.
 * Strong is only what the kernel or root says of a process that the socket
 * itself gave; everything else may lower trust and raises none by itself.
 */

import type { Authority } from '../application/claim.ts';
import { type KnownFact, known } from '../authorization/fact.ts';
import type { Binding } from '../process/graded.ts';

const BY_NUMBER = 'the process was found by its number, which may have passed to another one';
const NOT_SEEN = 'what keeps out of sight of the engines that were asked looks the same';

function whoCould({ of, uid }: Authority): string | undefined {
  switch (of) {
    case 'kernel':
    case 'root':
      return undefined;
    case 'self':
      return 'the process says so itself';
    case 'user':
      return uid === undefined
        ? 'others than root could have named it so'
        : `any process of uid ${uid} could have named it so`;
  }
}

/** A claim as a fact. */
export function weighedClaim<T>(value: T, authority: Authority, binding: Binding): KnownFact<T> {
  const forgeable = binding === 'pid-only' ? BY_NUMBER : whoCould(authority);
  return forgeable === undefined ? known(value) : { known: true, value, forgeable };
}

/** A fact that the kernel tells of the process. */
export function weighedByBinding<T>(value: T, binding: Binding): KnownFact<T> {
  return binding === 'pid-only' ? { known: true, value, forgeable: BY_NUMBER } : known(value);
}

/** Nobody who was asked knows the process. That is never sure, and so spares nobody and lets nobody in. */
export const NONE: KnownFact<null> = Object.freeze({ known: true, value: null, forgeable: NOT_SEEN });
