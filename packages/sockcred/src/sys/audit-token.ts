/**
 * macOS: who used the other end of a socket last, as an audit token
 * (`LOCAL_PEERTOKEN`, macOS 11). The kernel keeps the number of that process
 * only, and looks up at each question who has it: so the token is of this
 * moment, and may be of a process that got the number since. The version of
 * the number, new with every fork and exec, tells such processes apart.
 */

import { addon } from './addon.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

/** The words of `audit_token_t`, in their order. */
export interface AuditToken {
  readonly auditUid: number;
  readonly effectiveUid: number;
  readonly effectiveGid: number;
  readonly realUid: number;
  readonly realGid: number;
  readonly pid: number;
  readonly auditSession: number;
  readonly pidVersion: number;
}

/** A token, or why there is none. */
export type TokenAnswer = AuditToken | { readonly refused: Outcome };

const GONE: Outcome = Object.freeze({ kind: 'gone', errno: 'EINVAL' });
const NO_QUESTION: Outcome = Object.freeze({ kind: 'unsupported', errno: 'EOPNOTSUPP' });

/** What a status of LOCAL_PEERTOKEN means: EINVAL, nobody has the number any more; EOPNOTSUPP, macOS 10. */
export function tokenOutcome(status: number): Outcome {
  const outcome = outcomeOf(status);
  if (outcome.errno === 'EINVAL') return GONE;
  return outcome.errno === 'EOPNOTSUPP' || outcome.errno === 'ENOTSUP' ? NO_QUESTION : outcome;
}

/** The fields of eight words. */
export function tokenOf(words: Uint32Array): AuditToken {
  const [auditUid, effectiveUid, effectiveGid, realUid, realGid, pid, auditSession, pidVersion] =
    words as unknown as readonly [number, number, number, number, number, number, number, number];
  return { auditUid, effectiveUid, effectiveGid, realUid, realGid, pid, auditSession, pidVersion };
}

/** Who used the other end last. */
export function peerToken(fd: number): TokenAnswer {
  const answer = addon().peerToken(fd);
  return typeof answer === 'number' ? { refused: tokenOutcome(-answer) } : tokenOf(answer);
}

const ROOM = 64;
const UUID = /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;

/** A name that no other process ever has, but the same one before it called exec. */
export function versionedId(boot: string, { pid, pidVersion }: AuditToken): string | undefined {
  return UUID.test(boot) ? `${boot.toLowerCase()}:${pid}:${pidVersion}` : undefined;
}

/** Which start of the machine this is; '' where the kernel does not say. */
export function bootSession(): string {
  const bytes = new Uint8Array(ROOM);
  const length = addon().bootId(bytes);
  return length < 0 ? '' : new TextDecoder('latin1').decode(bytes.subarray(0, length));
}
