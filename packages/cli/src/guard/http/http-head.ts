/**
 * The head of a request as the server behind gets it. Pure. What the client
 * could pass off as the guard's word is taken out in every spelling, what is
 * between two servers only is made anew, and what two servers could read in
 * two ways is refused.
 */

import type { IncomingMessage } from 'node:http';
import { isForwardedName, lenientHeaderName } from 'sockcred/forwarding';
import { HttpProblem } from './http-answers.ts';

/** A head as it is sent on, without what the guard adds. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly hasBody: boolean;
  /** The client waits for a 100 before it sends its body. */
  readonly waits: boolean;
  /** The protocol that the client wants to go on in, of those that are allowed. */
  readonly upgrade: string | undefined;
}

/** What is taken out and what is let through besides. */
export interface HeadRules {
  readonly isStripped: (name: string) => boolean;
  /** Protocols that may be upgraded to, in lower case. */
  readonly upgrades: ReadonlySet<string>;
}

/** Between two servers: RFC 9110, 7.6.1, and what came before it. Those that are needed are made anew. */
const BETWEEN_SERVERS: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  'http2-settings',
]);

/** Made anew where a request has them, and never taken out because `Connection` names them. */
const FRAMING: ReadonlySet<string> = new Set(['host', 'content-length', 'expect']);

/** Methods that say nothing about an empty body. */
const NO_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** For requests of HTTP/1.0, which need not name one. An empty name is allowed, and refused by nginx. */
const NO_HOST = 'localhost';

/** RFC 9110, 5.5: no control characters but the tab. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]+$/;

/**
 * A name or an address, and a port: RFC 3986, 3.2.2, without the comma, by which two headers are joined. May be empty, as
 * in the RFC.
 */
const HOST = /^(?:\[[0-9a-f:.]+\]|(?:[a-z0-9._~!$&'()*+;=-]|%[0-9a-f]{2})*)(?::[0-9]*)?$/i;

const ABSOLUTE = /^https?:\/\/([^/?#]+)([/?][^#]*)?$/i;

/**
 * By these, proxies in front of programs tell them who or where the client is. Programs believe them of whoever connects,
 * and here that is the guard.
 */
export const TOLD_BY_PROXIES: readonly string[] = [
  ...['forwarded', 'x-forwarded-for', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'x-cluster-client-ip'],
  ...['remote-user', 'remote-groups', 'remote-email', 'remote-name', 'x-remote-user', 'x-remote-group'],
  ...['x-remote-groups', 'x-forwarded-user', 'x-forwarded-groups', 'x-forwarded-email'],
  ...['x-forwarded-preferred-username', 'x-forwarded-client-cert', 'x-auth-request-user'],
  ...['x-auth-request-groups', 'x-auth-request-email', 'x-auth-request-preferred-username'],
  ...['x-authenticated-user', 'x-webauth-user', 'x-user', 'x-ssl-client-dn', 'ssl-client-dn'],
];

/** Takes out what only the guard may say, what proxies say but for what is kept of it, and further names. */
export function strippedNames(names: readonly string[], kept: readonly string[]): (name: string) => boolean {
  const keep = new Set(kept.map(lenientHeaderName));
  const told = TOLD_BY_PROXIES.filter(name => !keep.has(name));
  const stripped = new Set([...told, ...names.map(lenientHeaderName)]);
  return name => isForwardedName(name) || stripped.has(lenientHeaderName(name));
}

/** Names and values of a raw list, one after the other. */
export function* pairs(raw: readonly string[]): Generator<readonly [name: string, value: string]> {
  for (let index = 0; index < raw.length; index += 2) yield [raw[index] ?? '', raw[index + 1] ?? ''];
}

/** All values of a header, whose name is in lower case. */
function valuesOf(raw: readonly string[], wanted: string): string[] {
  return [...pairs(raw)].filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
}

/** The members of a header that is a list, in lower case. */
export function listOf(raw: readonly string[], wanted: string): Set<string> {
  const members = valuesOf(raw, wanted).flatMap(value => value.split(','));
  return new Set(members.map(member => member.trim().toLowerCase()).filter(member => member !== ''));
}

function only(raw: readonly string[], wanted: string): string | undefined {
  const [value, ...more] = valuesOf(raw, wanted);
  if (more.length > 0) throw new HttpProblem(400, `${wanted} is there more than once`);
  return value;
}

/** The head of an answer before the answer that hints at links; nothing where it has none. */
export function earlyHints(raw: readonly string[]): string | undefined {
  const links = valuesOf(raw, 'link').filter(value => VALUE.test(value));
  if (links.length === 0) return undefined;
  return `HTTP/1.1 103 Early Hints\r\n${links.map(link => `Link: ${link}\r\n`).join('')}\r\n`;
}

/** Headers that reach the other side as they are. */
export function passedOn(raw: readonly string[], isStripped: (name: string) => boolean): string[] {
  const named = listOf(raw, 'connection');
  return [...pairs(raw)]
    .filter(([name]) => {
      // Also of `Content_Length` nobody knows what the next server takes it for.
      const lenient = lenientHeaderName(name);
      if (BETWEEN_SERVERS.has(lenient) || FRAMING.has(lenient)) return false;
      return !named.has(name.toLowerCase()) && !isStripped(name);
    })
    .flat();
}

/** The length of an answer's body as a header; nothing where it is not told. RFC 9110, 8.6 and 15.3.6. */
function answerLength(status: number, raw: readonly string[]): readonly string[] {
  if (status === 204) return [];
  if (status === 205) return ['Content-Length', '0'];
  const lengths = valuesOf(raw, 'content-length');
  if (lengths.length > 1) throw new HttpProblem(502, 'the server behind gave its answer two lengths');
  return lengths.flatMap(length => ['Content-Length', length]);
}

/** Of these an answer has a head only: whatever follows it is nobody's. */
export function hasNoBody(status: number): boolean {
  return status === 204 || status === 205;
}

/**
 * The headers of an answer; its body has the length that it had.
 *
 * @throws {@link HttpProblem} for what would not be the same answer any more.
 */
export function answerHeaders(status: number, raw: readonly string[]): string[] {
  const codings = valuesOf(raw, 'transfer-encoding');
  // Node takes the chunks apart, and leaves other codings in the body, of which the client would not be told.
  if (codings.length > 1 || codings.some(coding => coding.toLowerCase() !== 'chunked')) {
    throw new HttpProblem(502, 'the server behind uses another transfer coding than chunked');
  }
  return [...passedOn(raw, () => false), ...answerLength(status, raw)];
}

/** Trailers that reach the other side: what would have been no trailer, or ours, does not. */
export function passedTrailers(
  raw: readonly string[],
  isStripped: (name: string) => boolean,
): [string, string][] {
  const kept = passedOn(raw, isStripped);
  return [...pairs(kept)].map(([name, value]) => [name, value]);
}

/** Path and authority of a target: a path as it is, a URL taken apart as RFC 9112, 3.2.2 wants. */
function targetOf(method: string, url: string, host: string | undefined): { target: string; host: string } {
  if (host === undefined) throw new HttpProblem(400, 'the request names no host');
  if (!HOST.test(host)) throw new HttpProblem(400, 'the request names a host that is none');
  if (url.startsWith('/') && !url.includes('#')) return { target: url, host };
  if (url === '*' && method === 'OPTIONS') return { target: url, host };
  const match = ABSOLUTE.exec(url);
  const [, authority = '', path = method === 'OPTIONS' ? '*' : '/'] = match ?? [];
  if (match === null || !HOST.test(authority)) {
    throw new HttpProblem(400, 'the request has a target that is not understood');
  }
  return { target: path.startsWith('?') ? `/${path}` : path, host: authority };
}

/** How the body is delimited, as a header; nothing where there is none. */
function bodyHeader(request: IncomingMessage, method: string): readonly string[] {
  const coding = only(request.rawHeaders, 'transfer-encoding');
  const length = only(request.rawHeaders, 'content-length');
  if (coding !== undefined) {
    if (length !== undefined) throw new HttpProblem(400, 'the body has two lengths');
    if (request.httpVersion !== '1.1') throw new HttpProblem(400, 'HTTP/1.0 has no transfer codings');
    if (coding.toLowerCase() !== 'chunked') throw new HttpProblem(501, 'chunked is the only transfer coding');
    return ['Transfer-Encoding', 'chunked'];
  }
  if (length !== undefined) {
    if (!/^[0-9]{1,15}$/.test(length)) throw new HttpProblem(400, 'content-length is no number');
    return ['Content-Length', length];
  }
  return NO_BODY.has(method) ? [] : ['Content-Length', '0'];
}

/**
 * The head as it goes on.
 *
 * @throws {@link HttpProblem} for what could be read in two ways.
 */
export function readHead(request: IncomingMessage, rules: HeadRules): RequestHead {
  const { rawHeaders: raw, method = '', url = '' } = request;
  const named = only(raw, 'host') ?? (request.httpVersion === '1.0' ? NO_HOST : undefined);
  const { target, host } = targetOf(method, url, named);
  const body = bodyHeader(request, method);
  const hasBody = body.length > 0 && body[1] !== '0';
  const expected = request.httpVersion === '1.1' ? [...listOf(raw, 'expect')] : [];
  if (expected.some(one => one !== '100-continue'))
    throw new HttpProblem(417, 'nothing is expected but 100-continue');
  const waits = hasBody && expected.length > 0;
  const trailers = body[1] === 'chunked' ? [...listOf(raw, 'trailer')] : [];
  const announced = trailers.filter(name => !rules.isStripped(name));
  const wantsUpgrade = listOf(raw, 'connection').has('upgrade') && request.httpVersion === '1.1';
  const upgrade = wantsUpgrade
    ? [...listOf(raw, 'upgrade')].find(protocol => rules.upgrades.has(protocol))
    : undefined;
  return {
    method,
    target,
    headers: [
      ...['Host', host],
      ...passedOn(raw, rules.isStripped),
      ...(announced.length === 0 ? [] : ['Trailer', announced.join(', ')]),
      ...(waits ? ['Expect', '100-continue'] : []),
      ...body,
    ],
    hasBody,
    waits,
    upgrade,
  };
}
