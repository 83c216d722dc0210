/** `sockcred/forwarding`: who it is, told to a server behind, which believes only whom it has verified. Re-exports only. */

export { type ForwardedOptions, forwardedPeer } from './forwarded-peer.ts';
export type { BelieveRule, ForwardedPeer } from './forwarder.ts';
export {
  type ForwardedHeadersOptions,
  forwardedHeaders,
  isForwardedName,
  lenientHeaderName,
} from './header-names.ts';
export {
  encodeProxyHeader,
  type ProxyAddress,
  type ProxyHeader,
  type ProxyHeaderOptions,
  type ProxyTlv,
} from './proxy-header.ts';
export { type ProxiedConnection, type ProxyHeaderReading, readProxyHeader } from './read-proxy-header.ts';
