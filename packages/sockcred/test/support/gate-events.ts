/** What a gate publishes on its diagnostics channels. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { TestContext } from 'node:test';

/** What a gate of this name publishes. */
export function heard(t: TestContext, gate: string) {
  const listen = (kind: string) => {
    const list: object[] = [];
    const listener = (message: unknown) => {
      if ((message as { gate: unknown }).gate === gate) list.push(message as object);
    };
    subscribe(`sockcred:gate:${kind}`, listener);
    t.after(() => unsubscribe(`sockcred:gate:${kind}`, listener));
    return list;
  };
  return {
    admitted: listen('admitted') as { peer: object }[],
    ended: listen('ended') as { peer: object; reason: string }[],
    denied: listen('denied'),
    limited: listen('limited') as { limit: string }[],
    failed: listen('failed'),
  };
}
