/**
 * One crossing into the kernel's file per peer: what `SO_PEERCRED`,
 * `SO_PEERGROUPS` and `SO_PEERSEC` say of it, read out of the scratch buffer
 * that the addon filled. Answers are given as the kernel gave them, "none"
 * markers included; `credentials/` judges them.
 */

import { PeerError, PeerTypeError } from '../errors.ts';
import { NO_ID } from '../ids.ts';
import { type Addon, addon } from './addon.ts';
import { errnoName } from './errno.ts';
import { ANSWERED, type Outcome, outcomeOf } from './outcome.ts';
import { ensureTrustworthy } from './self-test.ts';

/** The words of the scratch buffer: `enum word` in `native/addon.c`. */
const ERROR = 0;
const LOCAL_NAMED = 1;
const REMOTE_NAMED = 2;
const CRED_STATUS = 3;
const UID = 4;
const GID = 5;
const PID = 6;
const GROUPS_STATUS = 7;
const GROUPS_COUNT = 8;
const LABEL_STATUS = 9;
const LABEL_LENGTH = 10;
const MORE_STATUS = 11;
const REAL_UID = 12;
const SAVED_UID = 13;
const REAL_GID = 14;
const SAVED_GID = 15;
const ZONE = 16;
const WORDS = 20;

/** `enum sys_socket_kind` of `native/sys.h`. */
const CONNECTED = 0;
const CLOSED = 1;
const NOT_SOCKET = 2;
const NOT_UNIX = 3;
const LISTENING = 4;
const NOT_CONNECTED = 5;
const NO_KERNEL = 6;

/**
 * Everything the kernel said about one peer. `groups` and `label` are views of
 * memory that the next question overwrites: copy what is kept.
 */
export interface PeerAnswers {
  /** The name that the native file for this system gives itself. */
  readonly system: string;
  /** The socket itself has a path or abstract name, as getsockname(2) says. */
  readonly localNamed: boolean;
  /** The other end has one, as getpeername(2) says. */
  readonly remoteNamed: boolean;
  readonly credentials: Outcome;
  /** Effective user id, or 4294967295 for none. */
  readonly uid: number;
  /** Effective group id, or 4294967295 for none. */
  readonly gid: number;
  /** Process id, or 0 for none that can be seen from here. */
  readonly pid: number;
  readonly groups: Outcome;
  /** Supplementary groups only; valid up to `groupCount`. */
  readonly groupList: Uint32Array;
  readonly groupCount: number;
  readonly label: Outcome;
  /** Valid up to `labelLength`. */
  readonly labelBytes: Uint8Array;
  readonly labelLength: number;
  /** Of `otherIds` and `zone`. */
  readonly more: Outcome;
  /** Each of them 4294967295 for none. */
  readonly otherIds: OtherIdWords;
  /** Negative for none. */
  readonly zone: number;
}

/** The ids of the peer's process beside its effective ones. */
interface OtherIdWords {
  readonly realUid: number;
  readonly savedUid: number;
  readonly realGid: number;
  readonly savedGid: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Enough for nearly everybody; grows at the first peer that needs more. */
let groupCapacity = 256;
let labelCapacity = 1024;
let words = new Uint32Array(0);
let groupList = new Uint32Array(0);
let labelBytes = new Uint8Array(0);

/** The one object that every question answers into. */
const otherIds: Mutable<OtherIdWords> = { realUid: 0, savedUid: 0, realGid: 0, savedGid: 0 };
const last: Mutable<PeerAnswers> = {
  system: 'none',
  localNamed: false,
  remoteNamed: false,
  credentials: ANSWERED,
  uid: 0,
  gid: 0,
  pid: 0,
  groups: ANSWERED,
  groupList,
  groupCount: 0,
  label: ANSWERED,
  labelBytes,
  labelLength: 0,
  more: ANSWERED,
  otherIds,
  zone: -1,
};

function resize(native: Addon): void {
  const buffer = native.resize(groupCapacity, labelCapacity);
  words = new Uint32Array(buffer, 0, WORDS);
  groupList = new Uint32Array(buffer, WORDS * 4, groupCapacity);
  labelBytes = new Uint8Array(buffer, (WORDS + groupCapacity) * 4, labelCapacity);
}

function word(index: number): number {
  return words[index] ?? 0;
}

/** Makes room if the last peer needed more than there was. */
function grow(): boolean {
  const groups = word(GROUPS_COUNT);
  const label = word(LABEL_LENGTH);
  if (groups <= groupCapacity && label <= labelCapacity) return false;
  groupCapacity = Math.max(groupCapacity, groups);
  labelCapacity = Math.max(labelCapacity, label);
  return true;
}

/**
 * Asks the kernel who is at the other end of a connected Unix socket.
 *
 * The descriptor must stay open, and stay this socket, until the call returns.
 *
 * @throws {@link PeerTypeError} and {@link PeerError} for anything but a
 * connected Unix socket; see the codes.
 */
export function peerAnswers(fd: number): PeerAnswers {
  const native = addon();
  if (native.system === 'none') throw unsupported();
  ensureTrustworthy(native);
  if (fd < 0) throw closed(fd);
  if (words.length === 0) resize(native);
  let kind = native.peer(fd);
  // A label can change between two questions, so a second attempt may be too
  // small again; a peer that keeps doing that is not waited for.
  for (let attempt = 0; kind === CONNECTED && attempt < 4 && grow(); attempt++) {
    resize(native);
    kind = native.peer(fd);
  }
  if (kind !== CONNECTED) throw notAskable(fd, kind);
  const credentials = outcomeOf(word(CRED_STATUS));
  if (credentials.kind === 'answered' && nobody()) refuseDatagram(native, fd);
  last.system = native.system;
  last.localNamed = word(LOCAL_NAMED) !== 0;
  last.remoteNamed = word(REMOTE_NAMED) !== 0;
  last.credentials = credentials;
  last.uid = word(UID);
  last.gid = word(GID);
  last.pid = word(PID);
  last.groups = outcomeOf(word(GROUPS_STATUS));
  last.groupList = groupList;
  last.groupCount = word(GROUPS_COUNT);
  last.label = outcomeOf(word(LABEL_STATUS));
  last.labelBytes = labelBytes;
  last.labelLength = word(LABEL_LENGTH);
  last.more = outcomeOf(word(MORE_STATUS));
  if (last.more.kind === 'answered') readMore();
  return last;
}

function readMore(): void {
  otherIds.realUid = word(REAL_UID);
  otherIds.savedUid = word(SAVED_UID);
  otherIds.realGid = word(REAL_GID);
  otherIds.savedGid = word(SAVED_GID);
  last.zone = word(ZONE) | 0;
}

function nobody(): boolean {
  return word(UID) === NO_ID && word(GID) === NO_ID && word(PID) === 0;
}

/** connect(2) on a datagram socket records nobody; only socketpair(2) does. */
function refuseDatagram(native: Addon, fd: number): void {
  if (native.isDatagram(fd) !== 1) return;
  const message = `fd ${fd} is a datagram socket without a recorded peer: its credentials come with each message`;
  throw new PeerTypeError('ERR_SOURCE_DATAGRAM', message);
}

function closed(fd: number): PeerError {
  return new PeerError('ERR_PEER_CLOSED', `fd ${fd} is not open`, { scope: 'connection', errno: 'EBADF' });
}

/** What is possible on a system without a file of its own in `native/`. */
function unsupported(): PeerError {
  const { platform } = process;
  const message =
    platform === 'win32'
      ? 'local sockets of Windows are named pipes, whose handle this runtime does not show; the system itself could tell the process id of a client (which may be stale) or lend its token, and neither is built in'
      : `no way to ask a socket for its peer is built in for ${platform}; where it has getpeereid(3), 'npx sockcred build' makes an addon that uses it`;
  return new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
}

function notAskable(fd: number, kind: number): PeerError | PeerTypeError {
  switch (kind) {
    case CLOSED:
      return closed(fd);
    case NOT_SOCKET:
      return new PeerTypeError('ERR_SOURCE_NOT_SOCKET', `fd ${fd} is not a socket`);
    case NOT_UNIX:
      return new PeerTypeError(
        'ERR_SOURCE_NOT_UNIX',
        `fd ${fd} is a socket of another family: only Unix sockets have peer credentials`,
      );
    case LISTENING:
      return new PeerTypeError(
        'ERR_SOURCE_LISTENING',
        `fd ${fd} is a listening socket: ask the sockets that it accepts`,
      );
    case NOT_CONNECTED: {
      const message = `fd ${fd} is a Unix socket that is not connected`;
      return new PeerError('ERR_PEER_NOT_CONNECTED', message, { scope: 'connection', errno: 'ENOTCONN' });
    }
    case NO_KERNEL:
      return unsupported();
    default: {
      const errno = errnoName(word(ERROR));
      return new PeerError('ERR_PEER_SYSTEM', `fd ${fd} cannot be examined: ${errno}`, {
        scope: 'connection',
        errno,
      });
    }
  }
}
