/**
 * Pairs of sockets between which the kernel moves bytes (splice(2), Linux):
 * none of them passes through JavaScript. One thread does it for all pairs of
 * this one. Elsewhere there is no relay, and its users pipe streams instead.
 */

import { PeerError } from '../errors.ts';
import { addon } from './addon.ts';
import { closeDescriptor } from './descriptor.ts';
import { errnoName } from './errno.ts';
import { outcomeOf } from './outcome.ts';

/** How a pair ended. */
export interface Relayed {
  /** Bytes from the first socket to the second. */
  readonly forth: number;
  readonly back: number;
  /** Name of the error that ended it before both ways had come to their end; `ECANCELED` after stop(). */
  readonly errno?: string;
}

/** What is relayed besides bytes. */
export interface RelayOptions {
  /** Passes descriptors on that are sent along; otherwise they are closed. Then bytes are copied, not moved. */
  readonly passFds?: boolean;
  /** Milliseconds after which a pair on which no byte has arrived, either way, ends with `ETIMEDOUT`. Default: never. */
  readonly idleMs?: number;
}

/** One pair that is being relayed. */
export interface Relaying {
  readonly ended: Promise<Relayed>;
  /** Closes both sockets at once; bytes on their way are lost. */
  stop(): void;
}

type Settle = (relayed: Relayed) => void;

const pairs = new Map<number, Settle>();
let state: 'unopened' | 'open' | 'unsupported' = 'unopened';
let lastId = 0;

function pairEnded(id: number, status: number, forth: number, back: number): void {
  const settle = pairs.get(id);
  pairs.delete(id);
  if (pairs.size === 0) addon().relayHold(false);
  settle?.(status === 0 ? { forth, back } : { forth, back, errno: errnoName(status) });
}

function failure(status: number): PeerError {
  const errno = errnoName(status);
  return new PeerError('ERR_PEER_SYSTEM', `cannot relay: ${errno}`, { scope: 'connection', errno });
}

/**
 * Whether `relay()` works here: on Linux, in a runtime that has all of Node-API.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM`, `ERR_PEER_ADDON`
 *
 * @example
 * ```ts
 * import { canRelay } from 'sockcred/relay';
 *
 * const how = canRelay() ? 'relay' : 'pipe';
 * ```
 */
export function canRelay(): boolean {
  if (state === 'unopened') {
    const status = -addon().relayOpen(pairEnded);
    if (status !== 0 && outcomeOf(status).kind !== 'unsupported') throw failure(status);
    state = status === 0 ? 'open' : 'unsupported';
  }
  return state === 'open';
}

/** An id that no pair has: after 2^32 pairs they begin anew. */
function freeId(): number {
  do lastId = (lastId + 1) >>> 0;
  while (pairs.has(lastId));
  return lastId;
}

/**
 * Moves bytes between two connected stream sockets until both ways have ended:
 * an end of one side's data becomes one of the other's, and a side that is not read holds up its
 * writer. Both descriptors belong to the relay from here on, also when this
 * throws.
 *
 * @throws {@link PeerError} `ERR_PEER_SYSTEM`, `ERR_PEER_UNSUPPORTED`, `ERR_PEER_ADDON`
 *
 * @example
 * ```ts
 * import { sameUserOnly } from 'sockcred/authorization';
 * import { createGate } from 'sockcred/gate';
 * import { canRelay, closeDescriptor, connectUpstream, relay } from 'sockcred/relay';
 *
 * if (canRelay()) {
 *   const gate = createGate({ authorize: sameUserOnly() }).handDescriptorsTo(async ({ fd, ended }) => {
 *     const upstream = await connectUpstream({ path: '@the-server-behind' }).catch(() => undefined);
 *     if (upstream === undefined) closeDescriptor(fd);
 *     else await relay(fd, upstream).ended;
 *     ended();
 *   });
 *   await gate.listen('@sockcred-relay-example');
 *   await gate.close();
 * }
 * ```
 *
 * @see https://man7.org/linux/man-pages/man2/splice.2.html
 */
export function relay(first: number, second: number, options?: RelayOptions): Relaying {
  if (!canRelay()) {
    for (const fd of [first, second]) closeDescriptor(fd);
    throw new PeerError('ERR_PEER_UNSUPPORTED', 'only Linux moves bytes between sockets by itself', {
      scope: 'daemon',
    });
  }
  const id = freeId();
  let settle: Settle = () => {};
  const ended = new Promise<Relayed>(done => {
    settle = done;
  });
  const status = -addon().relayAdd(id, first, second, options?.passFds === true, options?.idleMs ?? 0);
  if (status !== 0) throw failure(status);
  if (pairs.size === 0) addon().relayHold(true);
  pairs.set(id, settle);
  return { ended, stop: () => void addon().relayStop(id) };
}
