/**
 * The text of a process's status and stat files, as proc(5) describes them.
 * Pure. A line that is missing or malformed is undefined, never a default; the
 * name of the process, which it chooses itself, cannot pose as another line.
 */

import { isId } from '../ids.ts';

/** Sets of capabilities, as bits: capabilities(7). */
export interface Capabilities {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly ambient: bigint;
  readonly bounding: bigint;
}

/** Whether system calls of the process are filtered: seccomp(2). */
export type SeccompMode = 'none' | 'strict' | 'filter';

/** What is read of a status file. */
export interface StatusText {
  /** `R`, `S`, `Z` and so on. */
  readonly state?: string;
  /** Real, effective, saved and file system ids. */
  readonly uids?: readonly number[];
  readonly gids?: readonly number[];
  readonly groups?: readonly number[];
  readonly capabilities?: Capabilities;
  readonly noNewPrivileges?: boolean;
  readonly seccomp?: SeccompMode;
}

const SECCOMP: Readonly<Record<string, SeccompMode>> = { '0': 'none', '1': 'strict', '2': 'filter' };

function idList(text: string | undefined, count?: number): readonly number[] | undefined {
  if (text === undefined || !/^\d{1,10}(?:[\t ]+\d{1,10})*[\t ]*$|^[\t ]*$/.test(text)) return undefined;
  const ids = text
    .split(/[\t ]+/)
    .filter(word => word !== '')
    .map(Number);
  if (!ids.every(isId)) return undefined;
  return count === undefined || ids.length === count ? ids : undefined;
}

/** What the one line of a name says; undefined where there is none or several. */
function lineOf(text: string, name: string): string | undefined {
  const mark = `\n${name}:`;
  const first = text.startsWith(`${name}:`) ? 0 : text.indexOf(mark) + 1;
  if ((first === 0 && !text.startsWith(`${name}:`)) || text.indexOf(mark, first) >= 0) return undefined;
  const begin = first + mark.length - 1;
  const end = text.indexOf('\n', begin);
  return text.slice(begin, end < 0 ? undefined : end).trim();
}

function capabilitySets(status: string): Capabilities | undefined {
  const set = (name: string) => {
    const text = lineOf(status, name);
    return text !== undefined && /^[0-9a-f]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
  };
  const effective = set('CapEff');
  const permitted = set('CapPrm');
  const inheritable = set('CapInh');
  const bounding = set('CapBnd');
  const ambient = set('CapAmb');
  if (
    effective === undefined ||
    permitted === undefined ||
    inheritable === undefined ||
    bounding === undefined ||
    ambient === undefined
  ) {
    return undefined;
  }
  return { effective, permitted, inheritable, ambient, bounding };
}

/** Only what confines the process, for those who read the file often. */
export function parseConfinement(text: string): Pick<StatusText, 'noNewPrivileges' | 'seccomp'> {
  const noNewPrivileges = lineOf(text, 'NoNewPrivs');
  const seccomp = SECCOMP[lineOf(text, 'Seccomp') ?? ''];
  return {
    ...(noNewPrivileges === '0' || noNewPrivileges === '1'
      ? { noNewPrivileges: noNewPrivileges === '1' }
      : {}),
    ...(seccomp === undefined ? {} : { seccomp }),
  };
}

/** Reads a status file. */
export function parseStatus(text: string): StatusText {
  const state = lineOf(text, 'State')?.[0];
  const uids = idList(lineOf(text, 'Uid'), 4);
  const gids = idList(lineOf(text, 'Gid'), 4);
  const groups = idList(lineOf(text, 'Groups'));
  const capabilities = capabilitySets(text);
  return {
    ...(state === undefined ? {} : { state }),
    ...(uids === undefined ? {} : { uids }),
    ...(gids === undefined ? {} : { gids }),
    ...(groups === undefined ? {} : { groups }),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...parseConfinement(text),
  };
}

/** Clock ticks per second that the kernel counts in for programs. */
const TICKS_PER_SECOND = 100;
/** Words between the name in parentheses and the start time: field 22 of proc(5). */
const START_TIME = 19;

/** When the process began, in milliseconds after the machine started, from its stat file. */
export function parseStartTime(text: string): number | undefined {
  // The name may contain parentheses and spaces; the last one ends it.
  const words = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = words[START_TIME];
  if (!text.includes(')') || ticks === undefined || !/^\d{1,15}$/.test(ticks)) return undefined;
  return (Number(ticks) * 1000) / TICKS_PER_SECOND;
}
