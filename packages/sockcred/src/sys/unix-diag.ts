/**
 * The Unix sockets of our network namespace, as sock_diag(7) lists them: what
 * kind they are, which names they have, and which two belong together. The
 * owner that it tells is that of the socket's inode, which fchown(2) changes:
 * it is no credential, and is left out.
 */

import { PeerError } from '../errors.ts';
import { addon } from './addon.ts';
import { errnoName } from './errno.ts';
import { outcomeOf } from './outcome.ts';

/** One socket, as the kernel lists it. */
export interface UnixSocketRecord {
  readonly inode: number;
  readonly type: 'stream' | 'datagram' | 'seqpacket' | 'other';
  readonly state: 'listening' | 'connected' | 'other';
  /** The bytes of its name; an abstract one begins with NUL. */
  readonly name?: Uint8Array;
  /** The file that it was bound to; the kernel's device number, and the lower 32 bits of the inode's. */
  readonly file?: { readonly device: number; readonly inode: number };
  /** Inode of the other end; 0 of one that nobody has accepted yet, or that is closed. */
  readonly peer?: number;
  /** Inodes of connectors that nobody has accepted yet. */
  readonly waiting: readonly number[];
}

/** A list that the kernel called inconsistent: sockets came or went while it was made. */
export interface UnixSocketRecords {
  readonly sockets: readonly UnixSocketRecord[];
  readonly interrupted: boolean;
}

const HEADER = 16;
const SOCKET = 16;
const DONE = 3;
const SOCK_DIAG_BY_FAMILY = 20;
const DUMP_INTERRUPTED = 0x10;
const AF_UNIX = 1;
/** TCP_ESTABLISHED and TCP_LISTEN, which stand for any family. */
const ESTABLISHED = 1;
const LISTEN = 10;
const NAME = 0;
const VFS = 1;
const PEER = 2;
const ICONS = 3;

const TYPES: Readonly<Record<number, UnixSocketRecord['type']>> = {
  1: 'stream',
  2: 'datagram',
  5: 'seqpacket',
};

const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const aligned = (length: number) => (length + 3) & ~3;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function readSocket(view: DataView, little: boolean): UnixSocketRecord | undefined {
  if (view.byteLength < SOCKET || view.getUint8(0) !== AF_UNIX) return undefined;
  const state = view.getUint8(2);
  const found: Mutable<UnixSocketRecord> = {
    inode: view.getUint32(4, little),
    type: TYPES[view.getUint8(1)] ?? 'other',
    state: state === LISTEN ? 'listening' : state === ESTABLISHED ? 'connected' : 'other',
    waiting: [],
  };
  for (let at = SOCKET; at + 4 <= view.byteLength; ) {
    const length = view.getUint16(at, little);
    const type = view.getUint16(at + 2, little);
    if (length < 4 || at + length > view.byteLength) return undefined;
    const value = new DataView(view.buffer, view.byteOffset + at + 4, length - 4);
    if (type === NAME && length > 4) {
      found.name = new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
    } else if (type === VFS && value.byteLength === 8) {
      found.file = { inode: value.getUint32(0, little), device: value.getUint32(4, little) };
    } else if (type === PEER && value.byteLength === 4) {
      found.peer = value.getUint32(0, little);
    } else if (type === ICONS && value.byteLength % 4 === 0) {
      found.waiting = Array.from({ length: value.byteLength / 4 }, (_, index) =>
        value.getUint32(index * 4, little),
      );
    }
    at += aligned(length);
  }
  return found;
}

/** Reads the kernel's messages; pure. Undefined if they are not whole. */
export function parseUnixDiag(bytes: Uint8Array, little: boolean = LITTLE): UnixSocketRecords | undefined {
  const sockets: UnixSocketRecord[] = [];
  let interrupted = false;
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const header = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER);
    const length = header.getUint32(0, little);
    const type = header.getUint16(4, little);
    if (length < HEADER || at + length > bytes.length) return undefined;
    interrupted ||= (header.getUint16(6, little) & DUMP_INTERRUPTED) !== 0;
    if (type === DONE) return { sockets, interrupted };
    if (type !== SOCK_DIAG_BY_FAMILY) return undefined;
    const socket = readSocket(
      new DataView(bytes.buffer, bytes.byteOffset + at + HEADER, length - HEADER),
      little,
    );
    if (socket === undefined) return undefined;
    sockets.push(socket);
    at += aligned(length);
  }
  return undefined;
}

const MOST_BYTES = 1 << 28;

/**
 * Asks the kernel for all of them.
 *
 * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED`, `ERR_PEER_SYSTEM`
 */
export function unixSocketRecords(): UnixSocketRecords {
  for (let capacity = 1 << 18; capacity <= MOST_BYTES; capacity *= 4) {
    const bytes = new Uint8Array(capacity);
    const result = addon().unixSockets(bytes);
    if (result >= 0) {
      const records = parseUnixDiag(bytes.subarray(0, result));
      if (records !== undefined) return records;
      throw new PeerError('ERR_PEER_SYSTEM', 'the kernel’s list of sockets has another form', {
        scope: 'call',
      });
    }
    const { kind, errno } = outcomeOf(-result);
    if (errno === 'ERANGE') continue;
    if (kind === 'unsupported') {
      throw new PeerError(
        'ERR_PEER_UNSUPPORTED',
        'no list of sockets on this system (Linux, CONFIG_UNIX_DIAG)',
        {
          scope: 'daemon',
        },
      );
    }
    throw new PeerError('ERR_PEER_SYSTEM', `the sockets cannot be listed: ${errnoName(-result)}`, {
      scope: 'call',
      errno: errnoName(-result),
    });
  }
  throw new PeerError('ERR_PEER_SYSTEM', 'there are too many sockets to list', {
    scope: 'call',
    errno: 'ERANGE',
  });
}
