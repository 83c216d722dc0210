/**
 * Who wrote the first byte on a connection of an ordinary `net.Server`? Asked
 * by looking at the message without taking it, so that the stream goes on as
 * if nobody had looked. The kernel vouches, as of the moment of sending.
 */

import type { Server, Socket } from 'node:net';
import { PeerError, PeerTypeError } from '../errors.ts';
import { type Listening, type ListenOptions, listenPrepared } from '../listening/listen-at.ts';
import { closeDescriptors, messageAt, type RawMessage, receive, STREAM } from '../sys/message-arena.ts';
import { PASS_CREDENTIALS, setOption } from '../sys/message-socket.ts';
import { READABLE, watch } from '../sys/readiness.ts';
import { descriptorOf, handleOf, type SocketHandle, socketOf } from '../sys/socket-handle.ts';
import { currentView } from './arrival.ts';
import { decodeSender, type MessageCredentials } from './message-credentials.ts';
import { optionError, receiveError } from './refusals.ts';

/** How to wait for the first message. */
export interface FirstMessageOptions {
  /** Take the first byte away, which must be NUL: the D-Bus handshake begins so. Default: false. */
  readonly consumeNul?: boolean;
  /** How long to wait, in milliseconds. Default: 10000. */
  readonly timeoutMs?: number;
  /** Ends the waiting with its own reason. */
  readonly signal?: AbortSignal;
}

/** Readable and yet nothing to look at, as with a byte that was sent out of band: looked at again after this long. */
const NOTHING_THERE_MS = 20;

function ended(): PeerError {
  const message = 'the other end finished without a message';
  return new PeerError('ERR_MESSAGE_END', message, { scope: 'connection' });
}

/** What is at the front of the stream: undefined where nothing is yet. */
function front(fd: number, peek: boolean): RawMessage | undefined {
  const result = receive(fd, STREAM, { most: 1, room: 1, mostFds: 0, peek });
  if (typeof result !== 'number') {
    if (result.errno === 'EAGAIN') return undefined;
    throw receiveError(result);
  }
  const message = messageAt(0);
  closeDescriptors(message);
  if (message.end) throw ended();
  return message;
}

/** The sender of the byte at the front, which is taken if that is wanted; undefined where nothing is there. */
function look(fd: number, consumeNul: boolean): MessageCredentials | undefined {
  const message = front(fd, true);
  if (message === undefined) return undefined;
  const sender = decodeSender(message, currentView());
  if (!consumeNul) return sender;
  if (message.bytes[0] !== 0) {
    const what = 'the first byte is not the NUL that was asked for';
    throw new PeerError('ERR_MESSAGE_NOT_NUL', what, { scope: 'connection' });
  }
  front(fd, false);
  return sender;
}

function closed(): PeerError {
  return new PeerError('ERR_PEER_CLOSED', 'the socket is closed', { scope: 'connection' });
}

/** Without its handle the socket has closed its descriptor, whose number may be another one's by now. */
function stillOpen(socket: Socket, handle: SocketHandle): void {
  if (handleOf(socket) !== handle) throw closed();
}

function notReadYet(socket: Socket): void {
  if (socket.bytesRead === 0 && socket.isPaused()) return;
  const message =
    'the socket must not have been read: make the server with pauseOnConnect, and resume the socket afterwards';
  throw new PeerTypeError('ERR_SOURCE_READ', message);
}

/**
 * The credentials of whoever wrote the first byte on a connection that was
 * accepted by a `net.Server` with `pauseOnConnect`. Nothing is read, unless
 * `consumeNul` asks for it: resume the socket afterwards.
 *
 * Use {@link credentialListener} to listen. Without it the kernel records
 * nobody for what is sent after the connection was accepted and before this
 * was called, and the evidence then says `not-recorded`.
 *
 * @remarks
 * Trust: the kernel, which on Linux lets a sender choose among its own ids, and a
 * privileged one claim any. Time: when the byte was sent.
 *
 * @throws {@link PeerTypeError} `ERR_SOURCE_TYPE`, `ERR_SOURCE_READ`
 * @throws {@link PeerError} `ERR_MESSAGE_TIMEOUT`, `ERR_MESSAGE_END`,
 * `ERR_MESSAGE_NOT_NUL`, `ERR_PEER_CLOSED`, `ERR_PEER_UNSUPPORTED`, `ERR_PEER_SYSTEM`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { credentialListener, firstMessageCredentials, UnixStream } from 'sockcred/messages';
 *
 * const server = createServer({ pauseOnConnect: true }, async socket => {
 *   const { pid } = await firstMessageCredentials(socket);
 *   console.log(pid === process.pid); // true
 *   socket.once('data', data => socket.end(data)).resume();
 *   server.close();
 * });
 * await credentialListener(server, '@sockcred-first-message');
 * UnixStream.connect('@sockcred-first-message').end('hello');
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html SCM_CREDENTIALS
 */
export async function firstMessageCredentials(
  source: Socket,
  options: FirstMessageOptions = {},
): Promise<MessageCredentials> {
  const { consumeNul = false, timeoutMs = 10_000, signal } = options;
  if (!(timeoutMs > 0 && timeoutMs <= 0x7fffffff)) {
    throw new PeerTypeError('ERR_ARGUMENT', 'timeoutMs must be a number from 1 to 2147483647');
  }
  signal?.throwIfAborted();
  const socket = socketOf(source);
  const handle = handleOf(socket);
  if (handle === undefined) throw closed();
  notReadYet(socket);
  const fd = descriptorOf(socket, handle);
  const passing = setOption(fd, PASS_CREDENTIALS, true);
  if (passing.kind !== 'answered') throw optionError(passing);
  return look(fd, consumeNul) ?? (await wait(socket, handle, { consumeNul, timeoutMs, signal }));
}

function wait(
  socket: Socket,
  handle: SocketHandle,
  options: { consumeNul: boolean; timeoutMs: number; signal: AbortSignal | undefined },
): Promise<MessageCredentials> {
  const { consumeNul, timeoutMs, signal } = options;
  const fd = descriptorOf(socket, handle);
  return new Promise((resolve, reject) => {
    let again: NodeJS.Timeout | undefined;
    const waiting = watch(fd, () => attempt());
    const finish = (): void => {
      clearTimeout(timer);
      clearTimeout(again);
      waiting.close();
      socket.off('close', onClose);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown): void => {
      finish();
      reject(error);
    };
    const onClose = (): void => fail(closed());
    const onAbort = (): void => fail(signal?.reason);
    const timer = setTimeout(() => {
      const message = `no message within ${timeoutMs} ms`;
      fail(new PeerError('ERR_MESSAGE_TIMEOUT', message, { scope: 'connection' }));
    }, timeoutMs);
    const attempt = (): void => {
      try {
        stillOpen(socket, handle);
        notReadYet(socket);
        const sender = look(fd, consumeNul);
        if (sender === undefined) {
          again = setTimeout(() => arm(), NOTHING_THERE_MS);
          return;
        }
        finish();
        resolve(sender);
      } catch (error) {
        fail(error);
      }
    };
    const arm = (): void => {
      try {
        stillOpen(socket, handle);
        waiting.arm(READABLE);
      } catch (error) {
        fail(error);
      }
    };
    socket.once('close', onClose);
    signal?.addEventListener('abort', onAbort, { once: true });
    arm();
  });
}

/**
 * Makes a `net.Server` listen at a path, as `listenAt()` does, with the
 * passing of credentials switched on before the first connection: whatever is
 * sent has its sender recorded.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 * @throws {@link PeerError} as `listenAt()`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { credentialListener } from 'sockcred/messages';
 *
 * const server = createServer({ pauseOnConnect: true });
 * const listening = await credentialListener(server, '@sockcred-credential-listener');
 * await listening.close();
 * ```
 */
export async function credentialListener(
  server: Server,
  path: string,
  options?: ListenOptions,
): Promise<Listening> {
  return await listenPrepared(server, path, options, fd => {
    const outcome = setOption(fd, PASS_CREDENTIALS, true);
    if (outcome.kind !== 'answered') throw optionError(outcome);
  });
}
