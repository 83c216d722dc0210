/** HTTP to the server behind, which is told in headers who asks; and 403 for who is not let in. */

import type { Gate } from 'sockcred/gate';
import type { Upstream } from 'sockcred/relay';
import { createHttpFront } from './http-front.ts';
import { socketTo } from './http-upstream.ts';
import type { Journal } from './journal.ts';
import type { Service } from './service.ts';
import type { Verify } from './upstream-owner.ts';

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
}

/** All of it hangs on sockets of the gate, which waits for them and cuts them. */
export function httpService({ to, asPeer, verify, ...options }: HttpOptions, journal: Journal): Service {
  const front = createHttpFront({
    ...options,
    connect: socketTo(to, { asPeer, verify }),
    onFailure: ({ admission, error }) => journal.unserved(admission.peer, error),
  });
  return {
    takeFrom: (gate: Gate) => void gate.handTo(front),
    empty: async () => {},
    cut: () => {},
  };
}
