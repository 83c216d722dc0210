/**
 * A list of sockets as columns for a person. What the kernel tells comes first
 * on a line; names, which anybody chooses, come after it and are quoted where
 * they could be taken for more than one field.
 */

import { readFileSync } from 'node:fs';
import { field } from '../terminal.ts';
import type { Entry } from './ls-entries.ts';
import { isUnknown, type Part, type Who } from './ls-holders.ts';

export const COLUMNS = ['STATE', 'TYPE', 'FD@PID', 'USER', 'PROGRAM', 'PART', 'NAME'] as const;

type Row = readonly string[];

/** Wider fields than this do not move the others. */
const MOST_WIDTH = 40;

let names: ReadonlyMap<number, string> | undefined;

/** Of users in passwd(5), first lines first. */
function userNames(): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [name = '', , id = ''] = line.split(':');
      if (name !== '' && /^\d{1,10}$/.test(id) && !found.has(Number(id))) found.set(Number(id), name);
    }
  } catch {
    // Numbers say it too.
  }
  return found;
}

function userText(uid: number): string {
  names ??= userNames();
  const name = names.get(uid);
  return name === undefined ? `${uid}` : `${field(name)}(${uid})`;
}

function partText({ name, authority }: Part): string {
  switch (authority.of) {
    case 'user':
      return `${field(name)} (said by ${authority.uid === undefined ? 'a user' : `uid ${authority.uid}`})`;
    case 'self':
      return `${field(name)} (said by itself)`;
    default:
      return field(name);
  }
}

/** Four fields: who it is, its user, its program, what that is part of. */
function whoFields(who: Who): Row {
  if (who.unknown !== undefined) return ['?', '?', '?', '?'];
  const { fd, pid, thread, uid, program, part } = who;
  return [
    `${fd}@${pid}${thread === undefined ? '' : `/${thread}`}`,
    uid === undefined ? '?' : userText(uid),
    program === undefined ? '?' : field(program),
    part === undefined ? '-' : isUnknown(part) ? '?' : partText(part),
  ];
}

const NOBODY: Row = ['?', '?', '?', '?'];

function nameText({ name, leadsHere, peerName }: Entry): string {
  const own = name === undefined ? '' : field(name);
  const elsewhere = leadsHere === false ? ' (does not lead here)' : '';
  const other = peerName === undefined || peerName === name ? '' : `-> ${field(peerName)}`;
  const both = [`${own}${elsewhere}`, other].filter(part => part !== '').join(' ');
  return both === '' ? '-' : both;
}

/** The socket with who holds it first, then the other end and who waits, each with all of the fields. */
function rowsOf(entry: Entry): readonly Row[] {
  const { type, state, holders, peerInode, peers, waiting, waiters } = entry;
  const name = nameText(entry);
  const rows = (first: string, list: readonly Who[], next: string) =>
    (list.length === 0 ? [NOBODY] : list.map(whoFields)).map((fields, index) => [
      index === 0 ? first : next,
      type,
      ...fields,
      name,
    ]);
  const gone = waiting - waiters.length;
  return [
    ...rows(state, holders, ' also'),
    ...(peerInode === undefined ? [] : rows(' with', peers, ' with')),
    ...waiters.flatMap(waiter => rows(' waits', waiter.holders, ' waits')),
    ...(gone > 0 ? [[' waits', type, '-', '-', '-', `${gone} that cannot be seen`, name]] : []),
  ];
}

/** The lines of some entries, aligned; `signs` are put in front of them. */
export function textLines(
  entries: readonly { readonly entry: Entry; readonly sign?: string }[],
  header: boolean,
): readonly string[] {
  const signed = entries.some(({ sign }) => sign !== undefined);
  const rows = entries.flatMap(({ entry, sign }) =>
    rowsOf(entry).map(row => (signed ? [sign ?? '', ...row] : row)),
  );
  const all = header ? [signed ? ['', ...COLUMNS] : COLUMNS, ...rows] : rows;
  const widths = all.reduce<readonly number[]>(
    (before, row) => row.map((text, at) => Math.min(MOST_WIDTH, Math.max(before[at] ?? 0, text.length))),
    [],
  );
  return all.map(row =>
    row.map((text, at) => (at === row.length - 1 ? text : text.padEnd(widths[at] ?? 0))).join('  '),
  );
}
