/** Facts that a live socket can tell besides the credentials: which process its peer is at this moment. */

import type { Socket } from 'node:net';
import type { OtherWitnesses } from '../authorization/fact.ts';
import { pinnedPid } from '../sys/pinned-pid.ts';
import { descriptorOf, handleOf } from '../sys/socket-handle.ts';

/** The witnesses of one connection; asked only by rules that need them. */
export function socketWitnesses(socket: Socket): OtherWitnesses {
  return {
    process: () => {
      const handle = handleOf(socket);
      if (handle === undefined) return { known: false, reason: 'gone', detail: 'the socket is closed' };
      const found = pinnedPid(descriptorOf(socket, handle));
      return 'pid' in found ? { known: true, value: found.pid } : { known: false, ...found };
    },
  };
}
