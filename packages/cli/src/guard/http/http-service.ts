/** HTTP to the server behind, which is told in headers who asks; and 403 for who is not let in. */

import type { Socket } from 'node:net';
import { admissionOf, type Gate } from 'sockcred/gate';
import type { Upstream } from 'sockcred/relay';
import type { Journal } from '../records/journal.ts';
import type { Service } from '../services/service.ts';
import type { Verify } from '../services/upstream-owner.ts';
import { createHttpFront } from './http-front.ts';
import { socketTo } from './http-upstream.ts';

export interface HttpOptions {
  readonly to: Upstream;
  readonly asPeer: boolean;
  readonly verify?: Verify | undefined;
  readonly strip: readonly string[];
  readonly keep: readonly string[];
  readonly simpleHeaders: boolean;
  /** Protocols that a connection may go on in, in lower case. */
  readonly upgrades: readonly string[];
  readonly responseMs: number;
  /** Milliseconds without a byte, either way, that end a connection. */
  readonly idleMs?: number | undefined;
}

/** All of it hangs on sockets of the gate, which waits for them and cuts them. */
export function httpService(
  { to, asPeer, verify, idleMs, ...options }: HttpOptions,
  journal: Journal,
): Service {
  const front = createHttpFront({
    ...options,
    connect: socketTo(to, { asPeer, verify }),
    onFailure: ({ admission, error }) => journal.unserved(admission.peer, error),
  });
  if (idleMs !== undefined) {
    const end = (socket: Socket) => {
      journal.because(admissionOf(socket).peer, 'limited');
      socket.destroy();
    };
    front.setTimeout(idleMs, end);
    // The time of a socket that goes on in another protocol stays, and HTTP hears of it no more.
    front.on('upgrade', (_request, socket: Socket) => socket.on('timeout', () => end(socket)));
  }
  return {
    takeFrom: (gate: Gate) => void gate.handTo(front),
    empty: async () => {},
    cut: () => {},
  };
}
