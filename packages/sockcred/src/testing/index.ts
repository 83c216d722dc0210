/** `sockcred/testing`: made-up peers for tests. Re-exports only. */

export { type MadeUp, madeUpPeer } from './made-up-peer.ts';
