/**
 * Channel credentials of `@grpc/grpc-js` that verify the server first. They wrap
 * other credentials at the point where these get the connected socket.
 */

import type { Socket } from 'node:net';
import type { Policy } from '../authorization/policy.ts';
import { PeerTypeError } from '../errors.ts';
import { requirePeer } from './require-peer.ts';

interface Connector {
  connect(socket: Socket): Promise<unknown>;
}

interface Credentials {
  _createSecureConnector(...args: unknown[]): Connector;
  compose(...args: unknown[]): object;
}

/** The class that all credentials extend. A wrapper must not look like the kind that it wraps: see below. */
function baseOf(credentials: object): object {
  let base = Object.getPrototypeOf(credentials) as object;
  for (;;) {
    const next = Object.getPrototypeOf(base) as object | null;
    if (next === null || next === Object.prototype) return base;
    base = next;
  }
}

/**
 * The same credentials, on connections whose server a policy accepts: for channels to `unix:` targets. Verified again
 * on every reconnect, and also where call credentials are added to them (`compose()`, `combineChannelCredentials()`).
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT` for credentials of a version that is built differently.
 *
 * @example
 * ```ts
 * import { sameUserOnly } from 'sockcred/authorization';
 * import { verifiedChannelCredentials } from 'sockcred/clients';
 *
 * export const verified = <C extends object>(insecure: C) =>
 *   verifiedChannelCredentials(insecure, sameUserOnly()); // insecure: credentials.createInsecure()
 * ```
 */
export function verifiedChannelCredentials<C extends object>(credentials: C, policy: Policy): C {
  const inner = credentials as C & Credentials;
  if (typeof inner?._createSecureConnector !== 'function') {
    throw new PeerTypeError(
      'ERR_ARGUMENT',
      'these are no channel credentials of @grpc/grpc-js 1.13 or later',
    );
  }
  const bound = (name: string | symbol) => {
    const value = Reflect.get(inner, name) as unknown;
    return typeof value === 'function' ? value.bind(inner) : value;
  };
  return new Proxy(Object.create(baseOf(credentials)) as C, {
    get(_, name, wrapper) {
      // Channels share connections whose credentials are equal; one that is not verified must never be shared.
      if (name === '_equals') return (other: unknown) => other === wrapper;
      if (name === '_createSecureConnector') {
        return (...args: unknown[]): Connector => verifying(inner._createSecureConnector(...args), policy);
      }
      // What call credentials are added to would be the ones that do not verify.
      if (name === 'compose')
        return (...args: unknown[]) => verifiedChannelCredentials(inner.compose(...args), policy);
      return bound(name);
    },
  });
}

function verifying(connector: Connector, policy: Policy): Connector {
  const connect = connector.connect.bind(connector);
  return Object.assign(Object.create(connector) as Connector, {
    connect: async (socket: Socket) => connect(requirePeer(socket, policy)),
  });
}
