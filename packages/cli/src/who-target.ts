/** Whom a word of the command line means, `PATH | PID | FD@PID`, and how they are reached. */

import { type Stats, statSync } from 'node:fs';
import {
  escapeText,
  type PeerCredentials,
  PeerError,
  PeerTypeError,
  peerCredentials,
  withListener,
} from 'sockcred';
import { duplicateDescriptor, type HeldProcess, runningProcess } from 'sockcred/process';
import { NoError, SystemRefusal, UsageError } from './exit-codes.ts';

export type Target =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'process'; readonly pid: number }
  | { readonly kind: 'descriptor'; readonly pid: number; readonly fd: number };

const MOST = 0x7fffffff;

export function targetOf(word: string): Target {
  const [, fd, pid] = /^(?:(\d{1,10})@)?(\d{1,10})$/.exec(word) ?? [];
  if (pid === undefined) return { kind: 'path', path: word };
  if (Number(pid) === 0 || Number(pid) > MOST) throw new UsageError(`'${word}': there is no process ${pid}`);
  if (fd === undefined) return { kind: 'process', pid: Number(pid) };
  if (Number(fd) > MOST) throw new UsageError(`'${word}': there is no descriptor ${fd}`);
  return { kind: 'descriptor', pid: Number(pid), fd: Number(fd) };
}

/** A question about who is at the other end of a connected socket. */
export type AskPeer<T> = (fd: number, credentials: PeerCredentials) => T;

/** What a path leads to, if that can be told. */
function fileAt(path: string): Stats | undefined {
  try {
    return path.startsWith('@') ? undefined : statSync(path);
  } catch {
    return undefined;
  }
}

/** Why nobody could be reached at a path, where the error's name alone would mislead. */
function unreached(path: string, errno: string): NoError | SystemRefusal | undefined {
  const shown = escapeText(path);
  const kind = fileAt(path);
  switch (errno) {
    case 'ENOENT':
      return new NoError(`${shown}: there is nothing of this name (${errno})`);
    case 'ECONNREFUSED':
      return new NoError(
        kind !== undefined && !kind.isSocket()
          ? `${shown}: ${kind.isDirectory() ? 'a directory' : 'a file'}, and no socket (${errno})`
          : `${shown}: nobody listens there (${errno})`,
      );
    case 'EPROTOTYPE':
      return new SystemRefusal(`${shown}: a datagram socket, which records no listener (${errno})`);
    case 'EAGAIN':
      return new SystemRefusal(
        `${shown}: somebody listens, and accepts nobody: the queue of waiting connections is full (${errno})`,
      );
    default:
      return undefined;
  }
}

/** Asks about whoever listens at a path. Nobody listening is an answer; everything else that fails is the system's refusal. */
export function atListener<T>(path: string, ask: AskPeer<T>): T {
  try {
    return withListener(path, fd => ask(fd, peerCredentials(fd, { side: 'connected' })));
  } catch (error) {
    if (!(error instanceof PeerError) || error.errno === undefined) throw error;
    throw unreached(path, error.errno) ?? error;
  }
}

/** Asks about the process that has a number now. */
export function withProcess<T>(pid: number, ask: (held: HeldProcess) => T): T {
  let held: HeldProcess;
  try {
    held = runningProcess(pid);
  } catch (error) {
    if (error instanceof PeerError && error.code === 'ERR_PEER_GONE') throw new NoError(error.message);
    throw error;
  }
  try {
    return ask(held);
  } finally {
    held.close();
  }
}

/** An error about our duplicate, told of the descriptor that was asked for. */
function inTheirNumber(error: unknown, ours: number, theirs: string): unknown {
  if (!(error instanceof PeerError || error instanceof PeerTypeError)) return error;
  const message = error.message.replace(new RegExp(`\\b(?:fd|descriptor) ${ours}\\b`), theirs);
  return message === error.message ? error : new SystemRefusal(message);
}

/** Asks about the other end of a socket that another process has open. */
export function behindDescriptor<T>(pid: number, fd: number, ask: AskPeer<T>): T {
  return withProcess(pid, held => {
    const duplicate = duplicateDescriptor(held, fd);
    try {
      return ask(duplicate.fd, peerCredentials(duplicate.fd));
    } catch (error) {
      throw inTheirNumber(error, duplicate.fd, `descriptor ${fd} of process ${pid}`);
    } finally {
      duplicate.close();
    }
  });
}
