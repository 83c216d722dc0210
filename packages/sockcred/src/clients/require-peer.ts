/**
 * Is it the right server that listens there? Asked by the client when it has
 * connected and before a byte is sent, so that no secret reaches whoever took
 * the path first. Who vouches: the kernel, for whoever called listen(2): under
 * socket activation that is the service manager.
 */

import type { Socket } from 'node:net';
import { formatDecision } from '../authorization/decision.ts';
import type { Policy } from '../authorization/policy.ts';
import { peerCredentials } from '../credentials/ask.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { PeerError, PeerTypeError } from '../errors.ts';
import { handleOf } from '../sys/socket-handle.ts';
import { identifyPeer } from '../witnesses/identify.ts';

/** Who answered, for messages: what is known of it. */
function answering({ uid, pid }: PeerCredentials): string {
  return `${uid === undefined ? 'an unknown uid' : `uid ${uid}`}, ${pid === undefined ? 'an unknown pid' : `pid ${pid}`}`;
}

/** Why the other end is not accepted; undefined if it is. */
function refusal(source: Socket | number, policy: Policy): Error | undefined {
  try {
    const peer = peerCredentials(source, { side: 'connected' });
    const decision = policy.decide(peer, identifyPeer(peer, source));
    if (decision.allowed) return undefined;
    const message = `not the right server: ${answering(peer)}: ${formatDecision(decision)}`;
    return new PeerError('ERR_PEER_REFUSED', message, { scope: 'connection' });
  } catch (error) {
    return error instanceof Error ? error : new Error('the server could not be asked about');
  }
}

function requirePolicy(policy: Policy): void {
  if (typeof policy?.decide !== 'function')
    throw new PeerTypeError('ERR_ARGUMENT', 'policy must be a policy');
}

/**
 * Throws unless a policy accepts who listens at the other end of a connected descriptor: for
 * `connectUpstream({ verify })`, and whoever connects by themselves.
 *
 * @remarks
 * Trust: the kernel. Time: ids as of the server's listen(2), the rest as with {@link requirePeer}.
 *
 * @throws {@link PeerError} `ERR_PEER_REFUSED`, or what `peerCredentials()` throws.
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { listenAt } from 'sockcred';
 * import { sameUserOnly } from 'sockcred/authorization';
 * import { checkServer } from 'sockcred/clients';
 * import { closeDescriptor, connectUpstream } from 'sockcred/relay';
 *
 * const listening = await listenAt(createServer(socket => socket.end()), '@sockcred-check-server');
 * const rule = sameUserOnly();
 * const fd = await connectUpstream({ path: '@sockcred-check-server' }, { verify: fd => checkServer(fd, rule) });
 * closeDescriptor(fd);
 * await listening.close();
 * ```
 */
export function checkServer(fd: number, policy: Policy): void {
  requirePolicy(policy);
  const refused = refusal(fd, policy);
  if (refused !== undefined) throw refused;
}

/**
 * Lets a socket talk only to a server that a policy accepts: now, if it is
 * connected, and whenever it connects from here on. What was written to it
 * before it connected is not sent to anybody else; the socket is destroyed, with an
 * 'error' event while it connects.
 *
 * @remarks
 * Trust: the kernel. Time: ids as of the server's listen(2); what a policy asks of its process (unit, namespaces) as of
 * now, as `identifyPeer()` tells it: give `definePolicy()` the `witnesses` of `peerWitnesses()`.
 *
 * @throws {@link PeerError} if the socket is connected: `ERR_PEER_REFUSED`, or what `peerCredentials()` throws.
 * @throws {@link PeerTypeError} `ERR_ARGUMENT`
 *
 * @example
 * ```ts
 * import { connect } from 'node:net';
 * import { rootOr } from 'sockcred/authorization';
 * import { requirePeer } from 'sockcred/clients';
 *
 * const socket = requirePeer(connect('/run/keys/socket'), rootOr(0));
 * socket.on('error', error => console.error(error.message));
 * socket.end('the secret\n'); // nobody but root gets to read it
 * ```
 */
export function requirePeer<S extends Socket>(socket: S, policy: Policy): S {
  requirePolicy(policy);
  const emit = socket.emit;
  // Not a listener: those after it would use the socket that it has destroyed, which ends the process in node:http2.
  socket.emit = function (this: S, event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'connect') {
      const refused = refusal(this, policy);
      if (refused !== undefined) {
        this.destroy(refused);
        return true;
      }
    } else if (event === 'ready' && this.destroyed) {
      return true;
    }
    return Reflect.apply(emit, this, [event, ...args]);
  } as S['emit'];
  if (socket.connecting || handleOf(socket) === undefined) return socket;
  const refused = refusal(socket, policy);
  if (refused === undefined) return socket;
  socket.destroy();
  throw refused;
}
