/** Bytes of our own on a descriptor that no runtime object holds, before others are relayed to it. */

import { PeerError } from '../errors.ts';
import { send } from '../sys/message-socket.ts';
import { WRITABLE, watch } from '../sys/readiness.ts';

/** Bytes that the socket took now: 0 where it is full. */
function sendNow(fd: number, bytes: Uint8Array): number {
  const result = send(fd, bytes);
  if (typeof result === 'number') return result;
  const errno = result.errno ?? result.kind;
  if (errno === 'EAGAIN') return 0;
  throw new PeerError('ERR_PEER_SYSTEM', `cannot send: ${errno}`, { scope: 'connection', errno });
}

/** Resolves once the descriptor takes more, or nothing any more; then closes the watch. */
function writable(fd: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done, failed) => {
    const settle = (act: () => void) => {
      waiting.close();
      signal?.removeEventListener('abort', abort);
      act();
    };
    const waiting = watch(fd, () => settle(done));
    const abort = () => settle(() => failed(signal?.reason));
    signal?.addEventListener('abort', abort);
    try {
      waiting.arm(WRITABLE);
    } catch (error) {
      settle(() => failed(error));
    }
  });
}

/**
 * Sends all of these bytes on a connected socket: a header, say, that has to
 * come before what is relayed. The descriptor stays the caller's, also
 * when this fails, and is not to be used until this has settled.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM`, `ERR_PEER_UNSUPPORTED`, `ERR_PEER_ADDON`; whatever the signal was aborted with.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { listenAt } from 'sockcred';
 * import { closeDescriptor, connectUpstream, sendFirst } from 'sockcred/relay';
 *
 * const server = createServer(socket => socket.on('data', data => console.log(String(data)))); // hello
 * const listening = await listenAt(server, '@sockcred-first-bytes');
 * const fd = await connectUpstream({ path: '@sockcred-first-bytes' });
 * await sendFirst(fd, Buffer.from('hello'));
 * closeDescriptor(fd);
 * await listening.close();
 * ```
 */
export async function sendFirst(
  fd: number,
  bytes: Uint8Array,
  options?: { readonly signal?: AbortSignal },
): Promise<void> {
  let sent = sendNow(fd, bytes);
  while (sent < bytes.length) {
    options?.signal?.throwIfAborted();
    await writable(fd, options?.signal);
    sent += sendNow(fd, bytes.subarray(sent));
  }
}
