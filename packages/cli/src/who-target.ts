/** Whom a word of the command line means, `PATH | PID | FD@PID`, and how they are reached. */

import { escapeText, type PeerCredentials, PeerError, peerCredentials, withListener } from 'sockcred';
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

/** Asks about whoever listens at a path. Nobody listening is an answer; everything else that fails is the system's refusal. */
export function atListener<T>(path: string, ask: AskPeer<T>): T {
  try {
    return withListener(path, fd => ask(fd, peerCredentials(fd, { side: 'connected' })));
  } catch (error) {
    if (!(error instanceof PeerError) || error.errno === undefined) throw error;
    const shown = escapeText(path);
    if (error.errno === 'ECONNREFUSED') throw new NoError(`${shown}: nobody listens there (${error.errno})`);
    if (error.errno === 'EPROTOTYPE') {
      throw new SystemRefusal(`${shown}: a datagram socket, which records no listener (${error.errno})`);
    }
    throw error;
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

/** Asks about the other end of a socket that another process has open. */
export function behindDescriptor<T>(pid: number, fd: number, ask: AskPeer<T>): T {
  return withProcess(pid, held => {
    const duplicate = duplicateDescriptor(held, fd);
    try {
      return ask(duplicate.fd, peerCredentials(duplicate.fd));
    } finally {
      duplicate.close();
    }
  });
}
