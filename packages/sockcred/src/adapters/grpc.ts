/** The admitted peer of a call of `@grpc/grpc-js`, which has no public way from a call to its connection. */

import type { Http2Stream } from 'node:http2';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerTypeError } from '../errors.ts';
import { peerOf } from '../gate/admissions.ts';

interface CallLayer {
  readonly call?: CallLayer;
  readonly nextCall?: CallLayer;
  readonly stream?: Http2Stream;
}

/** A call is wrapped once for its kind and once for each interceptor. */
const MOST_LAYERS = 64;

/**
 * Who makes this call. For servers that get their connections through `createConnectionInjector()`.
 *
 * @throws {@link PeerError} `ERR_PEER_NOT_ADMITTED`
 * @throws {@link PeerTypeError} `ERR_SOURCE_TYPE` for what is no call, or one of a version that is built differently.
 *
 * @example
 * ```ts
 * import { grpcPeer } from 'sockcred/adapters';
 *
 * export function whoAmI(call: object, reply: (error: null, value: object) => void) {
 *   reply(null, { uid: grpcPeer(call).uid });
 * }
 * ```
 */
export function grpcPeer(call: object): PeerCredentials {
  let layer: CallLayer | undefined = call as CallLayer;
  for (let depth = 0; layer != null && depth < MOST_LAYERS; depth++) {
    if (layer.stream?.rstCode !== undefined) return peerOf(layer.stream);
    layer = layer.call ?? layer.nextCall;
  }
  throw new PeerTypeError('ERR_SOURCE_TYPE', 'this is no call of @grpc/grpc-js on an HTTP/2 stream');
}
