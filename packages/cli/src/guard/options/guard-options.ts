/** The command line of `sockcred guard`, checked as a whole before anything is opened. */

import { escapeText } from 'sockcred';
import type { RuleData } from 'sockcred/authorization';
import type { Limits } from 'sockcred/gate';
import { modeOf } from '../../socket-mode.ts';
import { groupIdOf } from '../../typed-id.ts';
import { type InlineFlags, inlineRules } from './inline-rules.ts';
import { idleOf, limitsOf } from './limit-options.ts';
import { parseOptions, type Values } from './option-table.ts';
import { milliseconds, pathOf, refuse, wholeNumber } from './option-values.ts';
import { type Target, targetOf } from './target-options.ts';

/** Whom the server behind sees. */
export type Deputy = 'guard' | 'guard-knowingly' | 'peer';

export interface GuardOptions {
  /** Absent where the service manager opens the socket. */
  readonly listen?: string;
  readonly mode?: number;
  /** Of the socket file. */
  readonly socketGroup?: number;
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
  const { values, positionals } = parseOptions(end === -1 ? args : args.slice(0, end));
  if (values.help === true) return 'help';
  const [stray] = positionals;
  if (stray !== undefined) refuse(`'${escapeText(stray)}': a program comes after --`);
  const target = targetOf(values, end === -1 ? undefined : args.slice(end + 1));
  const upstreamUser = upstreamUserOf(values, target);
  const listen = pathOf('--listen', values.listen);
  const idleMs = idleOf(values, target);
  const metrics = pathOf('--metrics', values.metrics);
  const audit = pathOf('--audit', values.audit) ?? '-';
  if (listen?.startsWith('@') === true) {
    const ofFiles = (['mode', 'socket-group'] as const).find(name => values[name] !== undefined);
    if (ofFiles !== undefined) refuse(`--${ofFiles}: an abstract name has no permissions`);
  }
  if (values['audit-required'] === true && audit === 'none')
    refuse('--audit-required: there is no audit log');
  if (values['metrics-mode'] !== undefined && metrics === undefined)
    refuse('--metrics-mode: there is no --metrics');
  return {
    ...(listen === undefined ? {} : { listen }),
    ...(values.mode === undefined ? {} : { mode: modeOf('--mode', values.mode) }),
    ...(values['socket-group'] === undefined
      ? {}
      : { socketGroup: groupIdOf('--socket-group', values['socket-group']) }),
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
