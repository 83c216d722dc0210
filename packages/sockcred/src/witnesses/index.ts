/** `sockcred/witnesses`: what policies ask besides credentials, told by the peer's process. Re-exports only. */

export { applicationWitnesses } from './application-facts.ts';
export { identifyPeer, peerWitnesses } from './identify.ts';
