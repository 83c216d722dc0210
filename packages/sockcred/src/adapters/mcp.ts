/** `extra.authInfo` for handlers of the Model Context Protocol's SDK, which reads `request.auth`. */

import type { IncomingMessage } from 'node:http';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { required } from '../credentials/questions.ts';
import { type AdmittedSource, admissionOf } from '../gate/admissions.ts';

/** The SDK's `AuthInfo`, as far as a peer fills it. */
export interface McpAuthInfo {
  /** Empty: nobody has a token here, the kernel vouches. */
  token: string;
  /** `uid:1000`. */
  clientId: string;
  /** The local roles that the policy's map gave the peer. */
  scopes: string[];
  extra: { peer: PeerCredentials };
}

/**
 * The admitted peer as an `AuthInfo`, for a transport of your own.
 *
 * @throws {@link PeerError} `ERR_PEER_NOT_ADMITTED`; `ERR_PEER_UNKNOWN_FIELD` if its user is unknown.
 *
 * @example
 * ```ts
 * import type { Socket } from 'node:net';
 * import { mcpAuthInfo } from 'sockcred/adapters';
 *
 * export const extra = (socket: Socket) => ({ authInfo: mcpAuthInfo(socket) });
 * ```
 */
export function mcpAuthInfo(source: AdmittedSource): McpAuthInfo {
  const { peer, decision } = admissionOf(source);
  return {
    token: '',
    clientId: `uid:${required(peer, 'uid')}`,
    scopes: [...decision.roles],
    extra: { peer },
  };
}

/**
 * Middleware that puts the admitted peer into `request.auth`, where `StreamableHTTPServerTransport` finds it.
 *
 * @example
 * ```ts
 * import { mcpAuth } from 'sockcred/adapters';
 *
 * export const middleware = mcpAuth(); // app.post('/mcp', mcpAuth(), handler)
 * ```
 */
export function mcpAuth(): (
  request: IncomingMessage,
  response: unknown,
  next: (error?: unknown) => void,
) => void {
  return (request, _response, next) => {
    try {
      (request as IncomingMessage & { auth?: McpAuthInfo }).auth = mcpAuthInfo(request);
    } catch (error) {
      next(error);
      return;
    }
    next();
  };
}
