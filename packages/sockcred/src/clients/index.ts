/** `sockcred/clients`: talk to the right server only. Re-exports only. */

export {
  type ConnectionOptions,
  type UndiciCallback,
  verifiedConnection,
  verifiedUndiciConnect,
} from './connections.ts';
export { verifiedChannelCredentials } from './grpc.ts';
export { checkServer, requirePeer } from './require-peer.ts';
