/** The command line of `sockcred guard`, checked as a whole before anything is opened. */

import { escapeText } from 'sockcred';
import type { RuleData } from 'sockcred/authorization';
import { type Limits, limitsFault } from 'sockcred/gate';
import type { Upstream } from 'sockcred/relay';
import { parsed } from '../command-line.ts';
import { UsageError } from '../exit-codes.ts';
import { modeOf } from '../socket-mode.ts';
import { TOLD_BY_PROXIES } from './http-head.ts';
import { type InlineFlags, inlineRules } from './inline-rules.ts';
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

/** Whom the server behind sees. */
export type Deputy = 'guard' | 'guard-knowingly' | 'peer';

export interface GuardOptions {
  /** Absent where the service manager opens the socket. */
  readonly listen?: string;
  readonly mode?: number;
  readonly who: { readonly file: string } | { readonly rules: readonly RuleData[] };
  readonly target: Target;
  readonly deputy: Deputy;
  readonly runAs?: string;
  /** Who has to listen behind. */
  readonly upstreamUser?: string;
  readonly limits: Limits;
  /** `-` is standard output, `none` is nowhere. */
  readonly audit: string;
  /** Lines about the same, of one user, in a second. */
  readonly auditRepeats: number;
  /** Is nobody let in while nothing can be written? */
  readonly auditRequired: boolean;
  readonly metrics?: string;
  readonly metricsMode: number;
  readonly graceMs: number;
  /** Until a connection on which nothing comes, either way, is ended. */
  readonly idleMs?: number;
}

const OPTIONS = {
  listen: { type: 'string' },
  mode: { type: 'string' },
  policy: { type: 'string' },
  'same-user': { type: 'boolean' },
  everyone: { type: 'boolean' },
  'allow-user': { type: 'string', multiple: true },
  'allow-group': { type: 'string', multiple: true },
  'deny-user': { type: 'string', multiple: true },
  'deny-group': { type: 'string', multiple: true },
  'same-namespaces': { type: 'boolean' },
  to: { type: 'string' },
  'pass-fds': { type: 'boolean' },
  'proxy-protocol': { type: 'string' },
  http: { type: 'boolean' },
  'strip-header': { type: 'string', multiple: true },
  'keep-header': { type: 'string', multiple: true },
  'simple-headers': { type: 'boolean' },
  'explain-denied': { type: 'boolean' },
  'allow-upgrade': { type: 'string', multiple: true },
  'response-timeout': { type: 'string' },
  'pass-to': { type: 'string' },
  'run-as': { type: 'string' },
  'as-peer': { type: 'boolean' },
  'upstream-sees-guard': { type: 'boolean' },
  'programs-as-root': { type: 'boolean' },
  'upstream-user': { type: 'string' },
  connections: { type: 'string' },
  'connections-per-uid': { type: 'string' },
  'accept-rate': { type: 'string' },
  'first-byte': { type: 'string' },
  idle: { type: 'string' },
  audit: { type: 'string', default: '-' },
  'audit-repeats': { type: 'string', default: '10' },
  'audit-required': { type: 'boolean' },
  metrics: { type: 'string' },
  'metrics-mode': { type: 'string' },
  grace: { type: 'string', default: '10' },
  help: { type: 'boolean', short: 'h' },
} as const;

function parse(args: readonly string[]) {
  return parsed({ args: [...args], options: OPTIONS, allowPositionals: true });
}

type Values = ReturnType<typeof parse>['values'];

function refuse(message: string): never {
  throw new UsageError(message);
}

/** Of what there has to be some: none at all would be said by not starting. */
function wholeNumber(option: string, text: string): number {
  if (/^0+$/.test(text)) return refuse(`${option}: 0 would let nobody in; without it there is no such limit`);
  if (/^[0-9]{1,10}$/.test(text)) return Number(text);
  return refuse(`${option}: '${escapeText(text)}' is not a whole number`);
}

/** Seconds, also parts of one, as milliseconds; no more than a timer can wait, which would end it at once. */
function milliseconds(option: string, text: string): number {
  if (!/^[0-9]{1,7}(\.[0-9]{1,3})?$/.test(text)) {
    return refuse(`${option}: '${escapeText(text)}' is not a number of seconds`);
  }
  const most = 0x7fffffff;
  const wanted = Math.round(Number(text) * 1000);
  return wanted <= most ? wanted : refuse(`${option}: ${text} is more than ${most / 1000} seconds`);
}

function rateOf(text: string): NonNullable<Limits['acceptsPerUid']> {
  const [, count, seconds = '1'] = /^([0-9]{1,9})(?:\/([0-9]{1,7}(?:\.[0-9]{1,3})?))?$/.exec(text) ?? [];
  if (count === undefined || Number(count) === 0 || Number(seconds) === 0) {
    return refuse(`--accept-rate: '${escapeText(text)}' is not N/SECONDS, 100/60 for example`);
  }
  return { count: Number(count), seconds: Number(seconds) };
}

function firstByte(text: string): number {
  const wanted = milliseconds('--first-byte', text);
  return wanted > 0
    ? wanted
    : refuse('--first-byte: nobody says something in no time; without it they may wait');
}

function limitsOf(values: Values): Limits {
  const { connections, 'connections-per-uid': perUid, 'accept-rate': rate, 'first-byte': first } = values;
  const limits: Limits = {
    ...(connections === undefined ? {} : { connections: wholeNumber('--connections', connections) }),
    ...(perUid === undefined ? {} : { connectionsPerUid: wholeNumber('--connections-per-uid', perUid) }),
    ...(rate === undefined ? {} : { acceptsPerUid: rateOf(rate) }),
    ...(first === undefined ? {} : { firstByteMs: firstByte(first) }),
  };
  const fault = limitsFault(limits);
  return fault === undefined ? limits : refuse(fault);
}

function path(option: string, text: string | undefined): string | undefined {
  if (text === '' || text === '@') refuse(`${option}: the path is empty`);
  return text;
}

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

function targetOf(values: Values, program: readonly string[] | undefined): Target {
  const passTo = path('--pass-to', values['pass-to']);
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

function deputyOf(values: Values, target: Target): Deputy {
  const asPeer = values['as-peer'] === true;
  const asRoot = values['programs-as-root'] === true;
  if (asRoot && target.kind !== 'program') refuse('--programs-as-root goes with -- PROGRAM only');
  const knowingly = values['upstream-sees-guard'] === true || asRoot;
  if (asPeer && knowingly) refuse('--upstream-sees-guard: --as-peer says otherwise');
  if (asPeer && values['run-as'] !== undefined) {
    refuse('--as-peer: needs root for every connection, which --run-as gives up');
  }
  if (asPeer && 'to' in target && !('path' in target.to)) {
    refuse('--as-peer: a TCP server is told nobody’s ids: --to unix:PATH');
  }
  return asPeer ? 'peer' : knowingly ? 'guard-knowingly' : 'guard';
}

function upstreamUserOf(values: Values, target: Target): string | undefined {
  const user = values['upstream-user'];
  if (user === undefined) return undefined;
  if (user === '') refuse('--upstream-user: the user is missing');
  if (target.kind === 'program') refuse('--upstream-user: a program that is started is nobody’s socket');
  if ('to' in target && !('path' in target.to))
    refuse('--upstream-user: no kernel tells who listens on a TCP port: --to unix:PATH');
  return user;
}

function idleOf({ idle }: Values, { kind }: Target): number | undefined {
  if (idle === undefined) return undefined;
  if (kind === 'program' || kind === 'pass')
    refuse('--idle goes with --to only: of what a program reads and writes the guard sees nothing');
  const idleMs = milliseconds('--idle', idle);
  return idleMs === 0 ? refuse('--idle: everything is idle for no time') : idleMs;
}

function whoOf(values: Values): GuardOptions['who'] {
  const flags: InlineFlags = {
    everyone: values.everyone === true,
    sameUser: values['same-user'] === true,
    allowUsers: values['allow-user'] ?? [],
    allowGroups: values['allow-group'] ?? [],
    denyUsers: values['deny-user'] ?? [],
    denyGroups: values['deny-group'] ?? [],
    sameNamespaces: values['same-namespaces'] === true,
  };
  const rules = inlineRules(flags);
  if (values.policy !== undefined) {
    if (rules.length > 0 || flags.sameNamespaces) refuse('--policy: the file says all of who is let in');
    return { file: values.policy === '' ? refuse('--policy: the path is empty') : values.policy };
  }
  if (rules.some(({ effect }) => effect === 'allow')) return { rules };
  return refuse(
    'nobody would be let in: --policy FILE, --same-user, --allow-user or --allow-group says who is',
  );
}

/** @throws {@link UsageError} */
export function readGuardOptions(args: readonly string[]): GuardOptions | 'help' {
  const end = args.indexOf('--');
  const { values, positionals } = parse(end === -1 ? args : args.slice(0, end));
  if (values.help === true) return 'help';
  const [stray] = positionals;
  if (stray !== undefined) refuse(`'${escapeText(stray)}': a program comes after --`);
  const target = targetOf(values, end === -1 ? undefined : args.slice(end + 1));
  const upstreamUser = upstreamUserOf(values, target);
  const listen = path('--listen', values.listen);
  const idleMs = idleOf(values, target);
  const metrics = path('--metrics', values.metrics);
  const audit = path('--audit', values.audit) ?? '-';
  if (values.mode !== undefined && listen?.startsWith('@') === true) {
    refuse('--mode: an abstract name has no permissions');
  }
  if (values['audit-required'] === true && audit === 'none')
    refuse('--audit-required: there is no audit log');
  if (values['metrics-mode'] !== undefined && metrics === undefined)
    refuse('--metrics-mode: there is no --metrics');
  return {
    ...(listen === undefined ? {} : { listen }),
    ...(values.mode === undefined ? {} : { mode: modeOf('--mode', values.mode) }),
    who: whoOf(values),
    target,
    deputy: deputyOf(values, target),
    ...(values['run-as'] === undefined ? {} : { runAs: values['run-as'] }),
    ...(upstreamUser === undefined ? {} : { upstreamUser }),
    limits: limitsOf(values),
    audit,
    auditRepeats: wholeNumber('--audit-repeats', values['audit-repeats']),
    auditRequired: values['audit-required'] === true,
    ...(metrics === undefined ? {} : { metrics }),
    metricsMode:
      values['metrics-mode'] === undefined ? 0o600 : modeOf('--metrics-mode', values['metrics-mode']),
    graceMs: milliseconds('--grace', values.grace),
    ...(idleMs === undefined ? {} : { idleMs }),
  };
}
