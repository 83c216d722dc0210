/** What a guard is in front of, as options say it. */

import { escapeText } from 'sockcred';
import type { Upstream } from 'sockcred/relay';
import { TOLD_BY_PROXIES } from '../http/http-head.ts';
import type { Values } from './option-table.ts';
import { milliseconds, pathOf, refuse } from './option-values.ts';
import { upstreamOf } from './upstream-text.ts';

/** What those who are let in are given to. */
export type Target =
  | {
      readonly kind: 'relay';
      readonly to: Upstream;
      readonly passFds: boolean;
      readonly proxyProtocol: boolean;
    }
  | {
      readonly kind: 'http';
      readonly to: Upstream;
      readonly strip: readonly string[];
      /** Of those that are stripped by themselves. */
      readonly keep: readonly string[];
      readonly simpleHeaders: boolean;
      /** Are those who are denied told by which rule? */
      readonly explain: boolean;
      /** Protocols that a connection may go on in, in lower case. */
      readonly upgrades: readonly string[];
      readonly responseMs: number;
    }
  | { readonly kind: 'pass'; readonly path: string }
  | { readonly kind: 'program'; readonly file: string; readonly args: readonly string[] };

const HTTP_ONLY = [
  'strip-header',
  'keep-header',
  'simple-headers',
  'explain-denied',
  'allow-upgrade',
  'response-timeout',
] as const;

/** RFC 9110, 5.6.2: what names of headers and protocols are made of. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** RFC 9110, 7.8: a name, and its version where it has one. */
function upgradesOf(protocols: readonly string[]): readonly string[] {
  if (protocols.length === 1 && protocols[0] === 'none') return [];
  return protocols.map(protocol => {
    const name = protocol.toLowerCase();
    if (name === 'none') refuse('--allow-upgrade: none goes with no other protocol');
    const parts = name.split('/');
    if (parts.length > 2 || !parts.every(part => TOKEN.test(part)))
      refuse(`--allow-upgrade: '${escapeText(protocol)}' is no name of a protocol`);
    if (/^(?:h[23]|http|spdy|tls)/.test(name))
      refuse(`--allow-upgrade: in ${name} requests would go on with headers that nobody cleans`);
    return name;
  });
}

function httpRulesOf(values: Values) {
  const strip = values['strip-header'] ?? [];
  const odd = strip.find(name => !TOKEN.test(name));
  if (odd !== undefined) refuse(`--strip-header: '${escapeText(odd)}' is no name of a header`);
  const keep = values['keep-header'] ?? [];
  const never = keep.find(name => !TOLD_BY_PROXIES.includes(name.toLowerCase()));
  if (never !== undefined)
    refuse(`--keep-header: '${escapeText(never)}' is none of ${TOLD_BY_PROXIES.join(', ')}`);
  const responseMs = milliseconds('--response-timeout', values['response-timeout'] ?? '60');
  if (responseMs === 0) refuse('--response-timeout: nothing is answered in no time');
  return {
    strip,
    keep,
    simpleHeaders: values['simple-headers'] === true,
    explain: values['explain-denied'] === true,
    upgrades: upgradesOf(values['allow-upgrade'] ?? ['websocket']),
    responseMs,
  };
}

/** @throws {@link UsageError} */
export function targetOf(values: Values, program: readonly string[] | undefined): Target {
  const passTo = pathOf('--pass-to', values['pass-to']);
  const given = [values.to, passTo, program].filter(one => one !== undefined);
  if (given.length !== 1) {
    refuse('one of --to UPSTREAM, --pass-to PATH and -- PROGRAM says what the guard is in front of');
  }
  const [file, ...args] = program ?? [];
  if (program !== undefined && (file === undefined || file === ''))
    refuse('-- PROGRAM: the program is missing');
  const http = values.http === true;
  const onlyTo: readonly (keyof Values)[] = [
    'pass-fds',
    'proxy-protocol',
    'http',
    'as-peer',
    'upstream-sees-guard',
  ];
  const wrong = onlyTo.find(name => values[name] !== undefined);
  if (values.to === undefined && wrong !== undefined) refuse(`--${wrong} goes with --to only`);
  const onlyHttp = HTTP_ONLY.find(name => values[name] !== undefined);
  if (!http && onlyHttp !== undefined) refuse(`--${onlyHttp} goes with --http only`);
  if (file !== undefined) return { kind: 'program', file, args };
  if (passTo !== undefined) return { kind: 'pass', path: passTo };
  const to = upstreamOf(values.to ?? '');
  const passFds = values['pass-fds'] === true;
  const proxyProtocol = values['proxy-protocol'] !== undefined;
  if (proxyProtocol && values['proxy-protocol'] !== 'v2') refuse('--proxy-protocol: there is only v2');
  if (passFds && !('path' in to))
    refuse('--pass-fds: descriptors travel over Unix sockets only: --to unix:PATH');
  if (!http) return { kind: 'relay', to, passFds, proxyProtocol };
  if (passFds) refuse('--pass-fds: HTTP carries no descriptors');
  if (proxyProtocol) refuse('--proxy-protocol: --http tells who it is in headers');
  return { kind: 'http', to, ...httpRulesOf(values) };
}
