/** How many may come, how often, and how long they may be silent: limits as options. */

import { escapeText } from 'sockcred';
import { type Limits, limitsFault } from 'sockcred/gate';
import type { Values } from './option-table.ts';
import { milliseconds, refuse, wholeNumber } from './option-values.ts';
import type { Target } from './target-options.ts';

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

/** The limits that options set.
 *
 * @throws {@link UsageError}
 */
export function limitsOf(values: Values): Limits {
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

/** @throws {@link UsageError} */
export function idleOf({ idle }: Values, { kind }: Target): number | undefined {
  if (idle === undefined) return undefined;
  if (kind === 'program')
    refuse(
      '--idle goes with --to only: PROGRAM has the connection itself, and no byte of it passes the guard; PROGRAM has to end when nothing comes, or timeout(1) before it limits how long it runs',
    );
  if (kind === 'pass')
    refuse(
      '--idle goes with --to only: the program has the connection itself, and no byte of it passes the guard; it has to end what is idle',
    );
  const idleMs = milliseconds('--idle', idle);
  return idleMs === 0 ? refuse('--idle: everything is idle for no time') : idleMs;
}
