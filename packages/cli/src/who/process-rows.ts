/** The process of a picture, a row for each fact: what it is now, what it runs, and how it has changed. */

import { uptime } from 'node:os';
import type { Drift, Fact, ProcessDescription, ProcessState } from 'sockcred/process';
import { capabilityText } from './capability-names.ts';
import { isUntold, type ProcessPart } from './picture.ts';
import { factRow, quoted, type Row, untoldRow } from './row.ts';

function age(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

/** By the clock of this moment, which may have been set since. */
function startedText(afterBoot: number): string {
  const seconds = uptime() - afterBoot / 1000;
  const at = new Date(Date.now() - seconds * 1000).toISOString();
  return `${at.slice(0, 10)} ${at.slice(11, 19)} UTC, ${age(seconds)} ago`;
}

const WHERE = {
  ours: 'in our user namespace',
  below: 'in a user namespace below ours only',
  other: 'in another user namespace',
} as const;

function capabilityRow({ capabilities, userNamespace }: ProcessState): Row {
  const row = factRow('capabilities', capabilities, ({ effective }) => capabilityText(effective));
  if (!capabilities.known) return row;
  const where = userNamespace.known
    ? WHERE[userNamespace.value.relation]
    : 'in which user namespace is not told';
  return { ...row, note: `${row.note}, ${where}` };
}

const MOST_GROUPS = 32;

function groupText(groups: readonly number[]): string {
  const rest = groups.length - MOST_GROUPS;
  return `${groups.slice(0, MOST_GROUPS).join(' ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function stateRows(state: ProcessState): readonly Row[] {
  const { alive, ids, groups, parent, exit } = state;
  if (!alive) {
    return [
      factRow('ended', exit, ({ code, signal }) =>
        code === undefined ? `by signal ${signal}` : `with status ${code}`,
      ),
    ];
  }
  return [
    factRow(
      'user now',
      ids,
      value => `uid ${value.effectiveUid ?? 'hidden'}, gid ${value.effectiveGid ?? 'hidden'}`,
    ),
    factRow('groups now', groups, groupText),
    capabilityRow(state),
    factRow('parent', parent, value => (value === 0 ? 'none' : `${value}`)),
  ];
}

function namespaceText(all: ProcessDescription['namespaces'], others: readonly string[]): string {
  const ours = all.known ? Object.keys(all.value).filter(name => !others.includes(name)) : [];
  return [
    ...(others.length === 0 ? [] : [`other ${others.join(' ')}`]),
    ...(ours.length === 0 ? [] : [`ours ${ours.join(' ')}`]),
  ].join('; ');
}

function confinementRow(given: ProcessDescription['confinement']): Row {
  return factRow('confined by', given, ({ seccomp, noNewPrivileges }) => {
    const parts = [
      ...(seccomp === 'none' ? [] : [`seccomp ${seccomp}`]),
      ...(noNewPrivileges ? ['no new privileges'] : []),
    ];
    return parts.length === 0 ? 'nothing' : parts.join(', ');
  });
}

function descriptionRows(given: ProcessDescription): readonly Row[] {
  return [
    factRow(
      'program',
      given.executable,
      ({ path, deleted }) => `${quoted(path)}${deleted ? ' (deleted)' : ''}`,
    ),
    factRow('arguments', given.commandLine, words =>
      words.length === 0
        ? 'none'
        : [...words.map(quoted), ...(given.commandLineCut === true ? ['… (cut)'] : [])].join(' '),
    ),
    factRow('started', given.startedAfterBoot, startedText),
    factRow('namespaces', given.otherNamespaces as Fact<readonly string[]>, others =>
      namespaceText(given.namespaces, others),
    ),
    confinementRow(given.confinement),
  ];
}

/** The one sentence that has a path of theirs in it. */
const driftText = ({ what, detail }: Drift) => (what === 'executable' ? quoted(detail) : detail);

/** All rows. */
export function processRows(part: ProcessPart): readonly Row[] {
  const { id, pid, binding, lowered, state, description, drift = [] } = part;
  return [
    {
      name: 'process',
      value: pid === undefined ? 'number unknown' : String(pid),
      note: `${state.alive ? 'alive' : 'ended'}, ${binding}${lowered === undefined ? '' : `: ${lowered}`}`,
    },
    ...(id === undefined ? [] : [{ name: 'id', value: id, note: 'no other process ever has it' }]),
    ...(isUntold(description)
      ? state.alive
        ? [untoldRow('program', description)]
        : []
      : descriptionRows(description)),
    ...stateRows(state),
    ...drift.map(change => ({
      name: 'changed',
      value: driftText(change),
      note: change.since === undefined ? 'since an unknown time' : `since it was ${change.since}`,
    })),
  ];
}
