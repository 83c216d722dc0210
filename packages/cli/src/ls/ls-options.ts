/** What `sockcred ls` is asked for on its command line. */

import { escapeText, type UnixSocket } from 'sockcred';
import { systemNames } from 'sockcred/authorization';
import { parsed } from '../command-line.ts';
import { UsageError } from '../exit-codes.ts';

export interface LsOptions {
  readonly all: boolean;
  readonly json: boolean;
  readonly uid?: number;
  readonly pid?: number;
  readonly name?: string;
  readonly unit?: string;
  readonly application?: string;
  readonly state?: UnixSocket['state'];
  readonly type?: UnixSocket['type'];
  readonly watch?: number;
}

const STATES = ['listening', 'connected', 'other'] as const;
const TYPES = ['stream', 'datagram', 'seqpacket', 'other'] as const;

function integer(flag: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  throw new UsageError(`${flag}: '${escapeText(text)}' is no integer from ${least} to ${most}`);
}

function oneOf<T extends string>(flag: string, text: string | undefined, words: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const found = words.find(word => word === text);
  if (found !== undefined) return found;
  throw new UsageError(`${flag}: '${escapeText(text)}' is none of ${words.join(', ')}`);
}

function userOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const uid = systemNames().user(text);
  if (uid !== undefined) return uid;
  throw new UsageError(`--user: no user of this machine has the name '${escapeText(text)}'`);
}

/** `--uid -1` as `--uid=-1`, which parseArgs() takes for a value: so that it is refused as a number. */
function withNumbers(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const word of args) {
    const last = joined.at(-1);
    if (last !== undefined && /^--(?:uid|pid|watch)$/.test(last) && /^-\d/.test(word)) {
      joined[joined.length - 1] = `${last}=${word}`;
    } else joined.push(word);
  }
  return joined;
}

const given = <K extends string, T>(key: K, value: T | undefined) =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: T };

export function readOptions(args: readonly string[]): LsOptions | 'help' {
  const { values } = parsed({
    args: withNumbers(args),
    options: {
      all: { type: 'boolean' },
      json: { type: 'boolean' },
      uid: { type: 'string' },
      user: { type: 'string' },
      pid: { type: 'string' },
      name: { type: 'string' },
      unit: { type: 'string' },
      app: { type: 'string' },
      state: { type: 'string' },
      type: { type: 'string' },
      watch: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  if (values.uid !== undefined && values.user !== undefined) {
    throw new UsageError('--uid and --user are two ways to say one thing');
  }
  return {
    all: values.all === true,
    json: values.json === true,
    ...given('uid', integer('--uid', values.uid, 0, 0xfffffffe) ?? userOf(values.user)),
    ...given('pid', integer('--pid', values.pid, 1, 0x7fffffff)),
    ...given('name', values.name),
    ...given('unit', values.unit),
    ...given('application', values.app),
    ...given('state', oneOf('--state', values.state, STATES)),
    ...given('type', oneOf('--type', values.type, TYPES)),
    ...given('watch', integer('--watch', values.watch, 1, 86_400)),
  };
}
