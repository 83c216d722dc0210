/**
 * Asks about descriptors that were inherited: prints one JSON line for each
 * number given, `{ peer }` or `{ code, name }`. A number may carry a side, as
 * in `3:pair`.
 */

import { PeerError, PeerTypeError, peerCredentials, peerToJson, type Side } from 'sockcred';

for (const argument of process.argv.slice(2)) {
  const [number, side] = argument.split(':');
  try {
    const peer = peerCredentials(Number(number), side === undefined ? {} : { side: side as Side });
    process.stdout.write(`${JSON.stringify({ peer: peerToJson(peer) })}\n`);
  } catch (error) {
    if (!(error instanceof PeerError) && !(error instanceof PeerTypeError)) throw error;
    process.stdout.write(`${JSON.stringify({ code: error.code, name: error.constructor.name })}\n`);
  }
}
