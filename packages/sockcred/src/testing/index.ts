/** `sockcred/testing`: made-up peers for tests. Re-exports only. */

export { asIfConnected, type Supposed } from './as-if-connected.ts';
export { type MadeUp, madeUpPeer } from './made-up-peer.ts';
