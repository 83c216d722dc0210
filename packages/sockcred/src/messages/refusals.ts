/** What the system's refusals mean for somebody who sends, receives or connects. */

import { escapeText } from '../credentials/format.ts';
import { PeerError, type PeerErrorCode } from '../errors.ts';
import type { Outcome } from '../sys/outcome.ts';

/** What a receiver or the other end can bring about at any time. */
const BY_PEER: ReadonlySet<PeerErrorCode> = new Set([
  'ERR_PEER_CLOSED',
  'ERR_SEND_FDS',
  'ERR_SEND_FULL',
  'ERR_SEND_NOBODY',
]);

/** Whether the other side can bring this about: such an error ends no program that does not listen for it. */
export function isByPeer(error: unknown): boolean {
  return error instanceof PeerError && BY_PEER.has(error.code);
}

/** What was tried. */
export interface Attempt {
  /** With ids that the sender named. */
  readonly claim?: boolean;
  readonly fds?: boolean;
  readonly to?: string;
  /** The receiver was known to be gone. */
  readonly lost?: boolean;
}

function meaning(errno: string, { claim, fds, lost }: Attempt): [PeerErrorCode, string] {
  switch (errno) {
    case 'EPERM':
      if (claim === true) return ['ERR_SEND_CLAIM', 'this process may not say these ids of itself'];
      if (fds === true) return ['ERR_SEND_FDS', 'the receiver takes no file descriptors'];
      return ['ERR_SEND_NOBODY', 'the receiver takes messages of somebody else only'];
    case 'ESRCH':
      return ['ERR_SEND_CLAIM', 'there is no process of this id'];
    case 'EINVAL':
      if (claim === true) return ['ERR_SEND_CLAIM', 'these ids cannot be sent from here'];
      break;
    case 'ETOOMANYREFS':
      return ['ERR_SEND_FDS', 'too many file descriptors are on their way already'];
    case 'EBADF':
      if (fds === true) return ['ERR_SEND_FDS', 'one of the file descriptors is not open'];
      return ['ERR_PEER_CLOSED', 'the socket is closed'];
    case 'EAGAIN':
    case 'ENOBUFS':
      return ['ERR_SEND_FULL', 'the receiver has not read what it was sent before'];
    case 'EMSGSIZE':
      return ['ERR_SEND_TOO_LONG', 'the message is too long to be sent in one piece'];
    case 'EACCES':
      return ['ERR_SEND_NOBODY', 'this process may not send there'];
    case 'EPROTOTYPE':
      return ['ERR_SEND_NOBODY', 'a socket of another kind is there'];
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ELOOP':
    case 'ECONNREFUSED':
      return ['ERR_SEND_NOBODY', 'nobody receives there'];
    case 'EPIPE':
    case 'ECONNRESET':
      return ['ERR_PEER_CLOSED', 'the other end is closed'];
    case 'ENOTCONN':
    case 'EDESTADDRREQ':
      if (lost === true) return ['ERR_SEND_NOBODY', 'the receiver is gone'];
      return ['ERR_PEER_NOT_CONNECTED', 'the socket is not connected, and no receiver was named'];
  }
  return ['ERR_PEER_SYSTEM', 'the message could not be sent'];
}

function shown(path: string | undefined, what: string): string {
  return path === undefined ? what : `${escapeText(path)}: ${what}`;
}

/** A socket that could not be made, named or connected. */
export function socketError(outcome: Outcome, what: string, path?: string): PeerError {
  const errno = outcome.errno ?? outcome.kind;
  const details = { scope: 'call', errno, ...(path === undefined ? {} : { path }) } as const;
  if (outcome.kind === 'unsupported')
    return new PeerError('ERR_PEER_UNSUPPORTED', shown(path, `${what}: not built in for this system`), {
      ...details,
      scope: 'daemon',
    });
  return new PeerError('ERR_PEER_SYSTEM', `${shown(path, what)} (${errno})`, details);
}

/** The error that a refused message amounts to. */
export function sendError(outcome: Outcome, attempt: Attempt = {}): PeerError {
  const errno = outcome.errno ?? outcome.kind;
  if (outcome.kind === 'unsupported') return socketError(outcome, 'this cannot be sent', attempt.to);
  const [code, what] = meaning(errno, attempt);
  const path = attempt.to;
  return new PeerError(code, `${shown(path, what)} (${errno})`, {
    scope: 'call',
    errno,
    ...(path === undefined ? {} : { path }),
  });
}

/** What became of reading: the connection is over. */
export function receiveError(outcome: Outcome): PeerError {
  const errno = outcome.errno ?? outcome.kind;
  const closed = errno === 'ECONNRESET';
  return new PeerError(
    closed ? 'ERR_PEER_CLOSED' : 'ERR_PEER_SYSTEM',
    closed ? 'the other end closed before it had read everything (ECONNRESET)' : `cannot receive: ${errno}`,
    { scope: 'connection', errno },
  );
}

/** Something that should come with messages, and that this system does not pass. */
export function optionError(outcome: Outcome): PeerError {
  return socketError(outcome, 'this kernel does not pass that with messages');
}
