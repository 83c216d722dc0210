/** Sockets with somebody at the other end: whoever listens at a path, or a second one of our own. */

import { nameOf } from '../listening/socket-file.ts';
import { closeDescriptor } from '../sys/descriptor.ts';
import type { SEQPACKET, SocketKind, STREAM } from '../sys/message-arena.ts';
import { connectSocket, preparedSocket, socketPair } from '../sys/message-socket.ts';
import { socketError } from './refusals.ts';

/**
 * A descriptor that is connected to a path or an abstract name. Credentials
 * are asked for afterwards: before connect(2), the kernel would give the socket
 * an abstract name for it.
 */
export function connectedTo(kind: typeof STREAM | typeof SEQPACKET, path: string): number {
  const { name, shown } = nameOf(path);
  const socket = preparedSocket(kind, fd => {
    const outcome = connectSocket(fd, name);
    if (outcome.kind !== 'answered') throw socketError(outcome, 'cannot connect', shown);
  });
  if ('refused' in socket) throw socketError(socket.refused, 'no socket', shown);
  return socket.fd;
}

/** Both ends of a new connection, each taken over by `adopt`, which closes what it refuses. */
export function connectedPair<End>(
  kind: SocketKind,
  adopt: (fd: number) => End,
  close: (end: End) => void,
): [End, End] {
  const pair = socketPair(kind);
  if ('refused' in pair) throw socketError(pair.refused, 'no pair');
  const [one, other] = pair.fds;
  let first: End;
  try {
    first = adopt(one);
  } catch (error) {
    closeDescriptor(other);
    throw error;
  }
  try {
    return [first, adopt(other)];
  } catch (error) {
    close(first);
    throw error;
  }
}
