/** `sockcred/witnesses`: what policies ask besides credentials, told by the peer's process. Re-exports only. */

export { identifyPeer, peerWitnesses } from './identify.ts';
