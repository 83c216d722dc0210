/**
 * Messages as they are received, in one piece of memory per thread that the
 * addon fills: the bytes, and beside them whatever the kernel passed. Answers
 * are given as the kernel gave them; `messages/` judges them. Everything here
 * is valid until the next call of `receive()`.
 */

import { type Addon, addon } from './addon.ts';
import { closeDescriptor } from './descriptor.ts';
import { ANSWERED, type Outcome, outcomeOf } from './outcome.ts';

/** `enum message_kind` of `native/message.h`. */
export const STREAM = 0;
export const SEQPACKET = 1;
export const DATAGRAM = 2;
export type SocketKind = typeof STREAM | typeof SEQPACKET | typeof DATAGRAM;

/** The words of `struct message` in `native/message.h`. */
const LENGTH = 0;
const FULL_LENGTH = 1;
const FLAGS = 2;
const CRED_STATUS = 3;
const UID = 4;
const GID = 5;
const EFFECTIVE_UID = 6;
const EFFECTIVE_GID = 7;
const PID = 8;
const GROUPS_STATUS = 9;
const GROUP_COUNT = 10;
const LABEL_STATUS = 11;
const LABEL_LENGTH = 12;
const PIDFD_STATUS = 13;
const PIDFD = 14;
const FD_COUNT = 15;
const NAME_LENGTH = 16;
const FDS = 20;
const MOST_FDS = 253;
const GROUPS = FDS + MOST_FDS;
const MOST_GROUPS = 32;
const LABEL_BYTES = (GROUPS + MOST_GROUPS) * 4;
const MOST_LABEL = 1024;
const NAME_BYTES = LABEL_BYTES + MOST_LABEL;
const MOST_NAME = 112;
const MESSAGE_BYTES = NAME_BYTES + MOST_NAME;

/** `enum message_flag`. */
const CUT = 1;
const CONTROL_CUT = 2;
const FDS_REFUSED = 4;
const END = 8;
const ATTACHED = 16;

const MOST_BATCH = 32;
const USUAL_ROOM = 0x10000;
/** Room for data of one batch, unless a single message needs more. */
const MOST_MEMORY = 0x400000;

/** One received message. `labelBytes`, `nameBytes` and `groupList` are views: copy what is kept. */
export interface RawMessage {
  /** A copy. */
  readonly bytes: Buffer;
  /** How long the message was when it was sent; on streams, of what was read. */
  readonly fullLength: number;
  /** The data did not fit. */
  readonly cut: boolean;
  /** What came beside the data did not fit: it is gone, descriptors included. */
  readonly controlCut: boolean;
  /** More descriptors came than were wanted, and were closed. */
  readonly fdsRefused: boolean;
  /** No message: the other end has finished. */
  readonly end: boolean;
  /** The name that the native file for this system gives itself. */
  readonly system: string;
  readonly credentials: Outcome;
  /** The ids are those that the sender attached, where these have a type of their own. */
  readonly attached: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly effectiveUid: number;
  readonly effectiveGid: number;
  readonly pid: number;
  readonly groups: Outcome;
  /** The effective group may be among them. */
  readonly groupList: Uint32Array;
  readonly label: Outcome;
  readonly labelBytes: Uint8Array;
  readonly pidfd: Outcome;
  /** Now the caller's to close. */
  readonly pidfdNumber: number;
  /** Now the caller's to close. */
  readonly fds: readonly number[];
  readonly nameBytes: Uint8Array;
}

let system = '';
let memory = new ArrayBuffer(0);
let words = new Uint32Array(0);
let data = Buffer.alloc(0);
let room = 0;
let count = 0;

const NONE: readonly number[] = Object.freeze([]);
const NO_BYTES = new Uint8Array(0);
const NO_GROUPS = new Uint32Array(0);

function makeRoom(native: Addon, bytes: number): void {
  if (bytes <= room) return;
  const wanted = Math.max(bytes, USUAL_ROOM);
  const messages = Math.max(1, Math.min(MOST_BATCH, Math.floor(MOST_MEMORY / wanted)));
  system = native.system;
  memory = native.messageArena(messages, wanted);
  words = new Uint32Array(memory, 0, (messages * MESSAGE_BYTES) / 4);
  data = Buffer.from(memory);
  room = wanted;
  count = messages;
}

export interface ReceiveOptions {
  /** Messages at once, at most; fewer are fine. */
  readonly most?: number;
  /** Bytes of one message; longer ones are cut. */
  readonly room?: number;
  /** Descriptors of one message; further ones are closed. */
  readonly mostFds?: number;
  /** Leaves everything to be received again. */
  readonly peek?: boolean;
}

let usedRoom = USUAL_ROOM;

/** Receives what is there: the number of messages, of which `messageAt()` tells, or what the system said instead. */
export function receive(fd: number, kind: SocketKind, options: ReceiveOptions): number | Outcome {
  const native = addon();
  usedRoom = options.room ?? USUAL_ROOM;
  makeRoom(native, usedRoom);
  const most = Math.min(options.most ?? count, count);
  const result = native.receiveMessages(
    fd,
    kind,
    most,
    usedRoom,
    options.mostFds ?? 0,
    options.peek ?? false,
  );
  return result >= 0 ? result : outcomeOf(-result);
}

function fdsAt(base: number): readonly number[] {
  const length = words[base + FD_COUNT] as number;
  if (length === 0) return NONE;
  return Array.from(words.subarray(base + FDS, base + FDS + length));
}

/** One view less than copying out of a view; short ones come out of the pool that Buffer has. */
function copied(from: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  data.copy(bytes, 0, from, from + length);
  return bytes;
}

/** The message of this index. Its descriptors belong to the caller from here on. */
export function messageAt(index: number): RawMessage {
  const base = (index * MESSAGE_BYTES) / 4;
  const word = (at: number): number => words[base + at] as number;
  const flags = word(FLAGS);
  const from = count * MESSAGE_BYTES + index * usedRoom;
  const groups = outcomeOf(word(GROUPS_STATUS));
  const labelLength = word(LABEL_LENGTH);
  const nameLength = word(NAME_LENGTH);
  const start = index * MESSAGE_BYTES;
  return {
    bytes: copied(from, word(LENGTH)),
    fullLength: word(FULL_LENGTH),
    cut: (flags & CUT) !== 0,
    controlCut: (flags & CONTROL_CUT) !== 0,
    fdsRefused: (flags & FDS_REFUSED) !== 0,
    end: (flags & END) !== 0,
    system,
    credentials: outcomeOf(word(CRED_STATUS)),
    attached: (flags & ATTACHED) !== 0,
    uid: word(UID),
    gid: word(GID),
    effectiveUid: word(EFFECTIVE_UID),
    effectiveGid: word(EFFECTIVE_GID),
    pid: word(PID),
    groups,
    groupList:
      groups === ANSWERED ? words.subarray(base + GROUPS, base + GROUPS + word(GROUP_COUNT)) : NO_GROUPS,
    label: outcomeOf(word(LABEL_STATUS)),
    labelBytes: labelLength === 0 ? NO_BYTES : new Uint8Array(memory, start + LABEL_BYTES, labelLength),
    pidfd: outcomeOf(word(PIDFD_STATUS)),
    pidfdNumber: word(PIDFD) | 0,
    fds: fdsAt(base),
    nameBytes: nameLength === 0 ? NO_BYTES : new Uint8Array(memory, start + NAME_BYTES, nameLength),
  };
}

/** Closes what came with a message that nobody wants. */
export function closeDescriptors(message: RawMessage): void {
  for (const fd of message.fds) closeDescriptor(fd);
  if (message.pidfdNumber !== -1) closeDescriptor(message.pidfdNumber);
}
