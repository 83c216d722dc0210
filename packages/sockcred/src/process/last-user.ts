/**
 * macOS: the process that used the other end of a socket last, held. It is
 * not the one that connected unless nobody else has used that end since: a
 * descriptor that was inherited or passed on changes it with the first send,
 * receive or poll. So it is told apart from all that was recorded at
 * connect(2), and raises no trust.
 */

import { PeerError } from '../errors.ts';
import { NO_ID } from '../ids.ts';
import { type AuditToken, peerToken, type TokenAnswer } from '../sys/audit-token.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import type { Outcome } from '../sys/outcome.ts';
import { type NewDescriptor, openProcess } from '../sys/pidfd.ts';
import { exitPin, watchRefusal } from './exit-pin.ts';
import type { Pin } from './pin.ts';

/**
 * Who used the other end of a socket last, on macOS: its ids as they were when
 * it was held. Never to be taken for who connected, nor set beside those ids.
 */
export interface LastUser {
  readonly pid: number;
  /** New with every fork and exec. What code signing asks for beside `pid`. */
  readonly pidVersion: number;
  readonly effectiveUid?: number;
  readonly effectiveGid?: number;
  readonly realUid?: number;
  readonly realGid?: number;
  /** Absent where nobody logged in to it. */
  readonly auditUid?: number;
  readonly auditSession: number;
  readonly captured: 'last-use';
}

/** The questions that are put, for one socket. */
export interface LastUserQuestions {
  token(): TokenAnswer;
  open(pid: number): NewDescriptor;
  close(held: number): void;
}

/** The process, and its token of after it was held. */
export interface HeldLastUser {
  readonly pin: Pin;
  readonly token: AuditToken;
}

/** How often it is tried again where the process changed in between. */
const ATTEMPTS = 3;

const LAST_USE =
  'this process used the socket last, as its number says, which may have passed to another one since; it need not be who connected';

function tokenRefusal({ kind, errno }: Outcome): PeerError {
  const scope = 'connection';
  if (kind === 'unsupported') {
    const message = 'this system does not tell who used a socket last (macOS 11)';
    return new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
  }
  if (kind === 'gone') return new PeerError('ERR_PEER_GONE', 'who used the socket last has ended', { scope });
  if (errno === 'ENOTCONN') {
    const message = 'the other end is closed, and who used it last is not told any more';
    return new PeerError('ERR_PEER_PROCESS', message, { scope });
  }
  return new PeerError('ERR_PEER_PROCESS', `who used the socket last is not told: ${errno ?? kind}`, {
    scope,
  });
}

function asked(questions: LastUserQuestions): AuditToken {
  const answer = questions.token();
  if ('refused' in answer) throw tokenRefusal(answer.refused);
  if (answer.pid === 0) throw tokenRefusal({ kind: 'no-data' });
  return answer;
}

/**
 * The token names a number; who has that number is held; the token again, of
 * the same number and version, proves that this process had it all the time.
 */
export function holdLastUser(questions: LastUserQuestions): HeldLastUser {
  for (let tries = 0; tries < ATTEMPTS; tries++) {
    const { pid, pidVersion } = asked(questions);
    const opened = questions.open(pid);
    if ('refused' in opened) {
      // It has ended since: somebody else may have used the socket by now, or nobody has the number.
      if (opened.refused.errno === 'ESRCH') continue;
      throw watchRefusal('darwin', pid, opened.refused);
    }
    let token: AuditToken | undefined;
    try {
      const again = asked(questions);
      if (again.pid === pid && again.pidVersion === pidVersion) token = again;
    } finally {
      if (token === undefined) questions.close(opened.fd);
    }
    if (token !== undefined) return { pin: exitPin(opened.fd, LAST_USE), token };
  }
  const message = 'who used the socket last changed, or called exec, each time that it was asked for';
  throw new PeerError('ERR_PEER_RACED', message, { scope: 'connection' });
}

/** Who used the other end of a connected socket last, held. */
export function pinLastUser(fd: number): HeldLastUser {
  return holdLastUser({ token: () => peerToken(fd), open: openProcess, close: closeDescriptor });
}

/** What a token says of a process. */
export function lastUserOf({ pid, pidVersion, auditSession, ...ids }: AuditToken): LastUser {
  const known = Object.fromEntries(Object.entries(ids).filter(([, id]) => id !== NO_ID));
  return Object.freeze({ pid, pidVersion, ...known, auditSession, captured: 'last-use' });
}
