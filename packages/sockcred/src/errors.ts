/**
 * Which things can go wrong, as one closed list of codes. A wrong argument is
 * a {@link PeerTypeError}; everything else, a closed descriptor included, is a
 * {@link PeerError} that says how far the damage reaches.
 */

/** Every code of a {@link PeerError}. */
export type PeerErrorCode =
  /** The descriptor or socket is closed, and this connection was never asked about before. */
  | 'ERR_PEER_CLOSED'
  /** The socket is not connected to anybody. */
  | 'ERR_PEER_NOT_CONNECTED'
  /** This system has no way to tell, or none that this version knows. */
  | 'ERR_PEER_UNSUPPORTED'
  /** The runtime keeps this connection's descriptor to itself; the message names the way round. */
  | 'ERR_PEER_HIDDEN_DESCRIPTOR'
  /** The native addon is missing or does not load. */
  | 'ERR_PEER_ADDON'
  /** The kernel answers wrongly about sockets whose answer is known: nothing it says is used. */
  | 'ERR_PEER_SELF_TEST'
  /** The self-test could not be run this time (no descriptors left, say): ask again later. */
  | 'ERR_PEER_SELF_TEST_NOT_RUN'
  /** `required()` was asked for a field that the kernel did not vouch for. */
  | 'ERR_PEER_UNKNOWN_FIELD'
  /** No process can be held behind this socket, or it cannot be looked at from here; the message says why. */
  | 'ERR_PEER_PROCESS'
  /** The process behind the peer has ended, and what was asked can only be read of a living one. */
  | 'ERR_PEER_GONE'
  /** What was read may not belong to the peer's process as it was: it ended, or changed, meanwhile. */
  | 'ERR_PEER_RACED'
  /** A question about the peer's application failed: it is not known to be an application, nor to be none. */
  | 'ERR_PEER_APPLICATION'
  /** The system refused, for the reason in `errno`. */
  | 'ERR_PEER_SYSTEM'
  /** No message came within the time given for it. */
  | 'ERR_MESSAGE_TIMEOUT'
  /** The other end finished without a message. */
  | 'ERR_MESSAGE_END'
  /** The first byte is another one than the NUL that was asked for. */
  | 'ERR_MESSAGE_NOT_NUL'
  /** The kernel does not let this process say these ids of itself. */
  | 'ERR_SEND_CLAIM'
  /** The receiver takes no file descriptors, or too many are on their way already. */
  | 'ERR_SEND_FDS'
  /** The receiver has not read what it was sent before, and there is no more room to wait in. */
  | 'ERR_SEND_FULL'
  /** The message is longer than the socket can send in one piece. */
  | 'ERR_SEND_TOO_LONG'
  /** Nobody receives messages under this name, or not from us. */
  | 'ERR_SEND_NOBODY'
  /** The connection never came through a gate, so nobody decided about its peer. */
  | 'ERR_PEER_NOT_ADMITTED'
  /** A policy does not accept who is at the other end. */
  | 'ERR_PEER_REFUSED'
  /** Who was verified to forward a connection or request said nothing about whose it is. */
  | 'ERR_FORWARDED_ABSENT'
  /** What was said about whose connection or request it is has not exactly the one form that it may have. */
  | 'ERR_FORWARDED_MALFORMED'
  /** The server behind could not be connected to, for the reason in `errno`. */
  | 'ERR_UPSTREAM_CONNECT'
  /** A connection cannot be made as this peer: one of its user, group and groups is unknown. */
  | 'ERR_UPSTREAM_IDENTITY'
  /** Somebody is listening at this path already, or it cannot be proven that nobody is. */
  | 'ERR_LISTEN_IN_USE'
  /** Something that is not a socket is in the way at this path. */
  | 'ERR_LISTEN_OCCUPIED'
  /** The directory lets other users exchange the socket for their own. */
  | 'ERR_LISTEN_DIRECTORY';

/**
 * How far an error reaches: this one call, the connection it was about, or
 * the whole program. Nothing that a peer does is ever `'daemon'`.
 */
export type ErrorScope = 'call' | 'connection' | 'daemon';

/** What a {@link PeerError} may carry besides its message. */
export interface PeerErrorDetails {
  readonly scope: ErrorScope;
  /** Name of the system's error, as in errno(3): `'EACCES'`. */
  readonly errno?: string;
  /** The file system path or abstract name (`@name`) that the error is about. */
  readonly path?: string;
  readonly cause?: unknown;
}

/**
 * Anything but misuse that kept an answer from being given.
 *
 * @example
 * ```ts
 * import { PeerError, peerCredentials } from 'sockcred';
 *
 * try {
 *   peerCredentials(-1); // the descriptor of something closed
 * } catch (error) {
 *   if (!(error instanceof PeerError)) throw error;
 *   console.log(error.code, error.scope); // ERR_PEER_CLOSED connection
 * }
 * ```
 */
export class PeerError extends Error {
  override readonly name = 'PeerError';
  readonly code: PeerErrorCode;
  readonly scope: ErrorScope;
  declare readonly errno?: string;
  declare readonly path?: string;

  constructor(code: PeerErrorCode, message: string, details: PeerErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.scope = details.scope;
    if (details.errno !== undefined) this.errno = details.errno;
    if (details.path !== undefined) this.path = details.path;
  }
}

/** Every code of a {@link PeerTypeError}. */
export type PeerTypeErrorCode =
  /** Neither a descriptor nor an object over a socket. */
  | 'ERR_SOURCE_TYPE'
  /** A descriptor of something that is no socket: a file, a pipe, a terminal. */
  | 'ERR_SOURCE_NOT_SOCKET'
  /** A socket of another family, TCP for example: it has no credentials to give. */
  | 'ERR_SOURCE_NOT_UNIX'
  /** A listening socket: it would answer with the credentials of its own process. */
  | 'ERR_SOURCE_LISTENING'
  /** A datagram socket without a recorded peer: its credentials come with each message. */
  | 'ERR_SOURCE_DATAGRAM'
  /** Data of this socket has been read already, so that its first message is gone. */
  | 'ERR_SOURCE_READ'
  /** `options.side` contradicts what the kernel says about the socket's names. */
  | 'ERR_SIDE'
  /** Another argument has the wrong type or range; the message names it. */
  | 'ERR_ARGUMENT'
  /** Not the JSON form of a `PeerCredentials`. */
  | 'ERR_RECORD';

/**
 * A call that could never have worked: the program, not the peer, has to change.
 *
 * @example
 * ```ts
 * import { PeerTypeError, peerCredentials } from 'sockcred';
 * import { openSync } from 'node:fs';
 *
 * try {
 *   peerCredentials(openSync('/dev/null', 'r'));
 * } catch (error) {
 *   console.log(error instanceof PeerTypeError && error.code); // ERR_SOURCE_NOT_SOCKET
 * }
 * ```
 */
export class PeerTypeError extends TypeError {
  readonly code: PeerTypeErrorCode;

  constructor(code: PeerTypeErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
