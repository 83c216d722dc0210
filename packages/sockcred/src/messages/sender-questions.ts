/** The safe way to ask about the sender of a message: what is unknown is never a match. */

import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerTypeError } from '../errors.ts';
import { isId } from '../ids.ts';
import type { MessageCredentials } from './message-credentials.ts';

/**
 * Did the message come with this user id?
 *
 * @remarks
 * Trust: the kernel, which on Linux lets a sender choose among its own ids, and a
 * privileged one claim any. Time: when the message was sent.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT` if `uid` can be nobody's id.
 *
 * @example
 * ```ts
 * import { isSentBy, UnixStream } from 'sockcred/messages';
 *
 * const [ours, theirs] = UnixStream.pair();
 * theirs.end('hello');
 * for await (const { data, sender } of ours) {
 *   console.log(isSentBy(sender, process.getuid?.() ?? -1), String(data)); // true hello
 * }
 * ```
 */
export function isSentBy(sender: MessageCredentials, uid: number): boolean {
  if (!isId(uid)) {
    throw new PeerTypeError('ERR_ARGUMENT', 'uid must be an integer from 0 to 4294967294');
  }
  return sender.uid === uid;
}

/**
 * Is the sender of a message another process than the one that the connection
 * names, or can that not be ruled out? False only where both process ids are
 * known and equal.
 *
 * @remarks
 * A connection is not a speaker: descriptors are inherited and passed on. User
 * ids are not compared: those of a message are real, those of a connection
 * effective, and a setuid program has both.
 *
 * @example
 * ```ts
 * import { peerCredentials } from 'sockcred';
 * import { disagreesWith, UnixStream } from 'sockcred/messages';
 *
 * export async function fromConnector(stream: UnixStream): Promise<boolean> {
 *   const connector = peerCredentials(stream.fd);
 *   for await (const { sender } of stream) if (disagreesWith(sender, connector)) return false;
 *   return true;
 * }
 * ```
 */
export function disagreesWith(sender: MessageCredentials, peer: PeerCredentials): boolean {
  return sender.pid === undefined || sender.uid === undefined || sender.pid !== peer.pid;
}
