/** `sockcred/relay`: a connection carried on to another server by the kernel. Re-exports only. */

export { closeDescriptor } from '../sys/descriptor.ts';
export { type HangupWatch, onHangup } from '../sys/hangup.ts';
export { canRelay, type Relayed, type Relaying, type RelayOptions, relay } from '../sys/relay.ts';
export { sendFirst } from './first-bytes.ts';
export { type ConnectOptions, connectUpstream, type Upstream } from './upstream.ts';
