/** Bytes both ways between two streams; the end of one way is not that of the other, and an error of one is one of both. */

import type { Duplex } from 'node:stream';

function follow(from: Duplex, to: Duplex): void {
  from.pipe(to);
  from.on('error', error => to.destroy(error));
  from.on('close', () => {
    if (!from.readableEnded) to.destroy();
  });
}

export function carryBetween(client: Duplex, server: Duplex): void {
  follow(client, server);
  follow(server, client);
}
