/** Facts that a live socket can tell besides the credentials: which process its peer is at this moment. */

import type { OtherWitnesses } from '../authorization/fact.ts';
import { pinnedPid } from '../sys/pinned-pid.ts';
import { descriptorOf, handleOf } from '../sys/socket-handle.ts';
import type { Accepted } from './doorkeeper.ts';

function descriptorBehind(connection: Accepted): number {
  if (typeof connection === 'number') return connection;
  const handle = handleOf(connection);
  return handle === undefined ? -1 : descriptorOf(connection, handle);
}

/** The witnesses of one connection; asked only by rules that need them. */
export function socketWitnesses(connection: Accepted): OtherWitnesses {
  return {
    process: () => {
      const fd = descriptorBehind(connection);
      if (fd < 0) return { known: false, reason: 'gone', detail: 'the socket is closed' };
      const found = pinnedPid(fd);
      return 'pid' in found ? { known: true, value: found.pid } : { known: false, ...found };
    },
  };
}
