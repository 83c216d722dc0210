/**
 * What a runtime's servers do otherwise than Node's. Bun's HTTP servers (1.4) listen
 * natively: their own sockets show no descriptor, and only their own sockets
 * get TLS and timeouts. A socket that they are handed is served by another
 * parser, without either.
 */

import type { Server } from 'node:net';
import { PeerError } from '../errors.ts';
import { builtin } from './builtin-modules.ts';

const inBun = process.versions['bun'] !== undefined;

/** Bun makes no `net.Socket` of a descriptor: what it makes is never wired to it. */
export const MAKES_SOCKETS: boolean = !inBun;

/** Once descriptors have been used up, Deno's `net.Server` (2.9) accepts nobody any more, without a word. */
export const STOPS_ACCEPTING: boolean = 'Deno' in globalThis;

type Servers = { readonly Server: new () => Server };

function isOneOf(module: string, server: object): boolean {
  return inBun && server instanceof (builtin(module) as Servers).Server;
}

/** Has timeouts, and looks only after sockets that it accepted itself. */
export function forgetsTimeouts(server: object): boolean {
  return isOneOf('node:http', server);
}

/** The error for a server that cannot be handed sockets; undefined for all others. */
export function cannotBeHanded(server: object): PeerError | undefined {
  if (!isOneOf('node:https', server)) return undefined;
  const message =
    'node:https reads plain HTTP from a socket that it is handed in Bun; ' +
    "hand to tls.createServer(options, socket => httpServer.emit('connection', socket))";
  return new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
}

/** The error for a server that shows nobody the sockets that it accepts; undefined for all others. */
export function cannotBeAsked(server: object): PeerError | undefined {
  if (!isOneOf('node:http', server)) return undefined;
  const message =
    'the sockets that node:http and node:https accept show no file descriptor in Bun; ' +
    'let a gate accept: createGate({ authorize }).handTo(httpServer)';
  return new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
}

/** The error for clients of undici; undefined where they keep to what they are told. */
export function ignoresConnectors(): PeerError | undefined {
  if (!inBun) return undefined;
  const message =
    "the module undici is Bun's own fetch(), which connects by itself and verifies nobody; " +
    'use node:http with verifiedConnection()';
  return new PeerError('ERR_PEER_UNSUPPORTED', message, { scope: 'daemon' });
}
