/**
 * Descriptors that the addon made and this library owns. They are closed by
 * the addon as well: Deno's node:fs knows only the descriptors that it opened
 * itself, and answers EBADF for every other one.
 */

import { PeerError } from '../errors.ts';
import { addon } from './addon.ts';
import { errnoName } from './errno.ts';

/**
 * close(2). Whatever it answers, the descriptor is gone afterwards, so it is
 * never to be closed again.
 *
 * For descriptors that this library gave, in every runtime: Deno's `node:fs` does not close them.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM` with `EBADF` for a descriptor that was not open: a fault of whoever calls.
 *
 * @example
 * ```ts
 * import { closeDescriptor } from 'sockcred/relay';
 * import { createGate } from 'sockcred/gate';
 *
 * createGate({ authorize: () => true }).handDescriptorsTo(({ fd, ended }) => {
 *   closeDescriptor(fd);
 *   ended();
 * });
 * ```
 */
export function closeDescriptor(fd: number): void {
  const status = -addon().close(fd);
  if (status === 0 || errnoName(status) !== 'EBADF') return;
  throw new PeerError('ERR_PEER_SYSTEM', `fd ${fd} was not open`, { scope: 'call', errno: 'EBADF' });
}
