/**
 * Sockets of our own for messages, one system call at a time: made, bound,
 * connected and accepted close-on-exec and non-blocking, with what the kernel
 * passes beside the data switched on before anybody can send.
 */

import { addon } from './addon.ts';
import { closeDescriptor } from './descriptor.ts';
import { DATAGRAM, SEQPACKET, type SocketKind } from './message-arena.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { boundWithMode, type NewSocket, nameBytes, type UnixName } from './unix-socket.ts';

/** `enum message_option` of `native/message.h`. */
export const PASS_CREDENTIALS = 0;
export const PASS_LABELS = 1;
export const PASS_PIDFDS = 2;
/** `SO_PASSRIGHTS` (Linux 6.16), on by default; off, the kernel refuses the sender of descriptors. */
export const PASS_FDS = 3;
export type MessageOption =
  | typeof PASS_CREDENTIALS
  | typeof PASS_LABELS
  | typeof PASS_PIDFDS
  | typeof PASS_FDS;

/** Switches what the kernel passes with what is received from now on. */
export function setOption(fd: number, option: MessageOption, on: boolean): Outcome {
  return outcomeOf(-addon().setMessageOption(fd, option, on));
}

/** Is it on? Undefined where the kernel does not know it. */
export function isOptionOn(fd: number, option: MessageOption): boolean | undefined {
  const result = addon().messageOption(fd, option);
  return result < 0 ? undefined : result === 1;
}

/** `enum sys_socket_kind` of `native/sys.h`. */
const LISTENING = 4;

const NO_NAME = new Uint8Array(0);
const NO_FDS = new Int32Array(0);
const NO_CLAIM = new Uint32Array(0);

function made(result: number): NewSocket {
  return result >= 0 ? { fd: result } : { refused: outcomeOf(-result) };
}

let built: boolean | undefined;

/** Are messages, and accepting for them, built in? Not on macOS and OpenBSD, where nothing travels with them. */
export function hasMessages(): boolean {
  built ??= outcomeOf(-addon().accept(-1)).kind !== 'unsupported';
  return built;
}

/** A socket that is neither bound nor connected. */
export function unboundSocket(kind: SocketKind): NewSocket {
  const native = addon();
  if (kind === DATAGRAM) return made(native.datagramSocket());
  return made(kind === SEQPACKET ? native.seqpacketSocket() : native.streamSocket());
}

/** Gives a socket its name: only one that does not listen. */
export function bindSocket(fd: number, name: UnixName, mode: number): Outcome {
  const native = addon();
  const bind = () => native.bind(fd, nameBytes(name));
  return outcomeOf(-boundWithMode(native, fd, name, mode, bind));
}

export function connectSocket(fd: number, name: UnixName): Outcome {
  return outcomeOf(-addon().connect(fd, nameBytes(name)));
}

/** A connection that waits at a listening socket; `EAGAIN` where none does. */
export function acceptSocket(fd: number): NewSocket {
  return made(addon().accept(fd));
}

/** A Unix stream socket that listens already, by inheritance say, becomes like our own. */
export function adoptListener(fd: number): Outcome | 'not-listening' {
  const native = addon();
  if (native.kind(fd) !== LISTENING) return 'not-listening';
  return outcomeOf(-native.adoptStream(fd));
}

/** Both ends of a new connection: socketpair(2). */
export function socketPair(
  kind: SocketKind,
): { readonly fds: readonly [number, number] } | { readonly refused: Outcome } {
  const fds = new Int32Array(2);
  const status = addon().socketPair(kind, fds);
  if (status !== 0) return { refused: outcomeOf(-status) };
  return { fds: [fds[0] as number, fds[1] as number] };
}

/** Another descriptor of the same socket. */
export function duplicateSocket(fd: number): NewSocket {
  return made(addon().duplicate(fd));
}

/** The other end reads an end after what was sent: shutdown(2). */
export function finishSending(fd: number): Outcome {
  return outcomeOf(-addon().finish(fd));
}

/** What a program says of itself, in the order of `struct ucred`. */
export interface ClaimedIds {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** What is sent beside the data, and where to. */
export interface Beside {
  readonly to?: UnixName;
  readonly fds?: readonly number[];
  readonly claim?: ClaimedIds;
}

/** Sends one message: the bytes that were taken, or what the system said instead. */
export function send(fd: number, bytes: Uint8Array, beside?: Beside): number | Outcome {
  const native = addon();
  const name = beside?.to === undefined ? NO_NAME : nameBytes(beside.to);
  const { fds, claim } = beside ?? {};
  const result =
    (fds === undefined || fds.length === 0) && claim === undefined
      ? native.send(fd, bytes, name)
      : native.sendMessage(
          fd,
          bytes,
          name,
          fds === undefined ? NO_FDS : Int32Array.from(fds),
          claim === undefined ? NO_CLAIM : Uint32Array.of(claim.pid, claim.uid, claim.gid),
        );
  return result >= 0 ? result : outcomeOf(-result);
}

const MOST_BATCH = 32;
const lengths = new Uint32Array(MOST_BATCH);
let packed = new Uint8Array(0x10000);

/** Sends some of these messages, in order: how many, or what the system said to the first. */
export function sendSome(
  fd: number,
  messages: readonly Uint8Array[],
  from: number,
  to?: UnixName,
): number | Outcome {
  const some = Math.min(messages.length - from, MOST_BATCH);
  let size = 0;
  for (let index = 0; index < some; index++) {
    const { length } = messages[from + index] as Uint8Array;
    lengths[index] = length;
    size += length;
  }
  if (size > packed.length) packed = new Uint8Array(size);
  let at = 0;
  for (let index = 0; index < some; index++) {
    const message = messages[from + index] as Uint8Array;
    packed.set(message, at);
    at += message.length;
  }
  const name = to === undefined ? NO_NAME : nameBytes(to);
  const result = addon().sendBatch(fd, packed, lengths, some, name);
  return result >= 0 ? result : outcomeOf(-result);
}

/** A new socket that `prepare` has readied; closed again where that throws. */
export function preparedSocket(kind: SocketKind, prepare: (fd: number) => void): NewSocket {
  const socket = unboundSocket(kind);
  if ('refused' in socket) return socket;
  try {
    prepare(socket.fd);
  } catch (error) {
    closeDescriptor(socket.fd);
    throw error;
  }
  return socket;
}
