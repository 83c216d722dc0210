/** The options of `sockcred guard`: which there are, and what was typed of them. */

import { type Parsed, parsed } from '../../command-line.ts';

const OPTIONS = {
  listen: { type: 'string' },
  mode: { type: 'string' },
  'socket-group': { type: 'string' },
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

type Given = Parsed<{ options: typeof OPTIONS; allowPositionals: true }>;

/** What was typed, option by option. */
export type Values = Given['values'];

/** @throws {@link UsageError} */
export function parseOptions(args: readonly string[]): Given {
  return parsed({ args: [...args], options: OPTIONS, allowPositionals: true });
}
