/**
 * Version 2 of the PROXY protocol, as bytes: what a server in front writes
 * before the first byte of a connection. Pure. Who the peer is stands in a TLV of
 * our own, as the same text as in an HTTP header.
 *
 * @see https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
 */

import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import { crc32c } from './crc32c.ts';
import { peerText } from './peer-text.ts';

/** `\r\n\r\n\0\r\nQUIT\n`: no HTTP, no TLS, and no line that a server of text would take. */
const SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10);

/** Signature, version and command, family, length of the rest. */
export const HEAD_LENGTH = 16;

/** Of a whole header. The format allows 65551; nothing that is of use here is longer. */
export const MOST_HEADER = 16_384;

const VERSION_2 = 0x20;
const LOCAL = 0;
const PROXY = 1;
const UNIX_PATH_LENGTH = 108;

/** Of a stream, by family: the byte that names it, and how long both addresses are. */
const UNNAMED = { unix: [0x31, 2 * UNIX_PATH_LENGTH], ipv4: [0x11, 12] } as const;

const TLV_CRC32C = 0x03;
/** From the range for custom use, 0xE0 to 0xEF; Google, Amazon and Microsoft have published 0xE0, 0xEA and 0xEE. */
export const TLV_PEER = 0xe5;

/** One end of a connection, as whoever made the header says. */
export type ProxyAddress =
  | { readonly family: 'unix'; readonly path: string }
  | { readonly family: 'ipv4' | 'ipv6'; readonly address: string; readonly port: number };

/** Type, length and value: an entry of the extensible part. */
export interface ProxyTlv {
  readonly type: number;
  readonly value: Uint8Array;
}

/** What a header says. */
export interface ProxyHeader {
  /** `LOCAL`: the proxy itself speaks, to see whether anybody is there, say; nothing else is told. */
  readonly command: 'LOCAL' | 'PROXY';
  /** Absent where the header tells none, or an unnamed one. */
  readonly source?: ProxyAddress;
  readonly destination?: ProxyAddress;
  /** All entries but the checksum. */
  readonly tlvs: readonly ProxyTlv[];
}

/** What is told in a PROXY header. */
export interface ProxyHeaderOptions {
  /** Local roles that the peer was given. */
  readonly roles?: readonly string[];
  /**
   * In which family it is told that nothing is known of addresses. HAProxy (2.6, for one) takes a header only in
   * `ipv4`: 0.0.0.0, port 0. Default: `unix`, unnamed.
   */
  readonly family?: 'unix' | 'ipv4';
}

function tlv(type: number, value: Uint8Array): readonly Uint8Array[] {
  return [Uint8Array.of(type, value.length >> 8, value.length & 0xff), value];
}

/**
 * The bytes that tell a server behind this program who a peer is: version 2 of the PROXY protocol, to be written
 * before the first byte of the connection.
 *
 * @remarks
 * Trust: that of the peer that is given. The identity is in TLV 0xE5, as the text of the `Sockcred-Peer` header;
 * a CRC32C goes along. Servers that do not know the TLV (nginx, HAProxy) skip it.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT` for a peer that did not connect, and for roles that cannot be written.
 *
 * @example
 * ```ts
 * import { encodeProxyHeader } from 'sockcred/forwarding';
 * import { madeUpPeer } from 'sockcred/testing';
 *
 * const bytes = encodeProxyHeader(madeUpPeer({ uid: 1000 }));
 * console.log(bytes.length, bytes[12]?.toString(16)); // 252 21
 * ```
 *
 * @see https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
 */
export function encodeProxyHeader(peer: PeerCredentials, options?: ProxyHeaderOptions): Uint8Array {
  const [family, addresses] = UNNAMED[options?.family ?? 'unix'];
  const parts = [
    SIGNATURE,
    Uint8Array.of(VERSION_2 | PROXY, family, 0, 0),
    new Uint8Array(addresses),
    ...tlv(TLV_PEER, new TextEncoder().encode(peerText(peer, options?.roles))),
    ...tlv(TLV_CRC32C, new Uint8Array(4)),
  ];
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const view = new DataView(bytes.buffer);
  view.setUint16(14, bytes.length - HEAD_LENGTH);
  // The checksum is of the header with zeros in its place.
  view.setUint32(bytes.length - 4, crc32c(bytes));
  return bytes;
}

function refuse(what: string): never {
  throw new SyntaxError(`no PROXY header of version 2: ${what}`);
}

/** How many bytes follow this head. */
export function lengthAfter(head: Uint8Array): number {
  if (SIGNATURE.some((byte, index) => head[index] !== byte)) refuse('another signature');
  const length = ((head[14] ?? 0) << 8) | (head[15] ?? 0);
  return HEAD_LENGTH + length <= MOST_HEADER ? length : refuse('it is too long');
}

function unixAddress(field: Uint8Array): ProxyAddress | undefined {
  const abstract = field[0] === 0;
  const end = field.indexOf(0, 1);
  const name = field.subarray(abstract ? 1 : 0, end === -1 ? field.length : end);
  if (name.length === 0) return undefined;
  return { family: 'unix', path: `${abstract ? '@' : ''}${new TextDecoder().decode(name)}` };
}

function ipAddress(address: Uint8Array, port: number): ProxyAddress {
  if (address.length === 4) return { family: 'ipv4', address: address.join('.'), port };
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((address[2 * index] ?? 0) << 8) | (address[2 * index + 1] ?? 0)).toString(16),
  );
  return { family: 'ipv6', address: groups.join(':'), port };
}

/** How long an address is in each family, and what is in it. */
const FAMILIES: Readonly<Record<number, { readonly each: number; readonly ports: boolean }>> = {
  0: { each: 0, ports: false },
  1: { each: 4, ports: true },
  2: { each: 16, ports: true },
  3: { each: UNIX_PATH_LENGTH, ports: false },
};

/** The entries from here to the end of the header, and where the checksum is. */
function readTlvs(bytes: Uint8Array, from: number): { tlvs: ProxyTlv[]; checksumAt: number | undefined } {
  const tlvs: ProxyTlv[] = [];
  let checksumAt: number | undefined;
  for (let at = from; at < bytes.length; ) {
    const [type = 0, high = 0, low] = bytes.subarray(at, at + 3);
    if (low === undefined) return refuse('an entry is cut');
    const value = bytes.slice(at + 3, at + 3 + ((high << 8) | low));
    if (value.length !== ((high << 8) | low)) refuse('an entry is longer than the header');
    if (type === TLV_CRC32C) {
      if (checksumAt !== undefined || value.length !== 4) refuse('the checksum has not one place');
      checksumAt = at + 3;
    } else {
      tlvs.push(Object.freeze({ type, value }));
    }
    at += 3 + value.length;
  }
  return { tlvs, checksumAt };
}

function checkChecksum(bytes: Uint8Array, at: number): void {
  const told = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
  const blank = bytes.slice().fill(0, at, at + 4);
  if (crc32c(blank) !== told) refuse('the checksum is another one');
}

/**
 * What a whole header says.
 *
 * @throws an error that says what is wrong
 */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader {
  if (bytes.length < HEAD_LENGTH || lengthAfter(bytes) !== bytes.length - HEAD_LENGTH) {
    refuse('its length is another one');
  }
  const version = (bytes[12] ?? 0) & 0xf0;
  const command = (bytes[12] ?? 0) & 0x0f;
  if (version !== VERSION_2 || command > PROXY) refuse('another version or command');
  // What else it has is to be ignored.
  if (command === LOCAL) return Object.freeze({ command: 'LOCAL', tlvs: Object.freeze([]) });
  const kind = (bytes[13] ?? 0) & 0x0f;
  const family = FAMILIES[(bytes[13] ?? 0) >> 4];
  if (family === undefined || kind > 2) return refuse('another family');
  const { each, ports } = family;
  const end = HEAD_LENGTH + 2 * each + (ports ? 4 : 0);
  if (end > bytes.length) refuse('the addresses are cut');
  const address = (index: 0 | 1): ProxyAddress | undefined => {
    const field = bytes.subarray(HEAD_LENGTH + index * each, HEAD_LENGTH + (index + 1) * each);
    if (!ports) return unixAddress(field);
    const at = HEAD_LENGTH + 2 * each + 2 * index;
    return ipAddress(field, ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
  };
  const { tlvs, checksumAt } = readTlvs(bytes, end);
  if (checksumAt !== undefined) checkChecksum(bytes, checksumAt);
  const [source, destination] = [address(0), address(1)];
  return Object.freeze({
    command: 'PROXY',
    ...(source === undefined ? {} : { source: Object.freeze(source) }),
    ...(destination === undefined ? {} : { destination: Object.freeze(destination) }),
    tlvs: Object.freeze(tlvs),
  });
}
