/** A picture as lines for a person: every part with its grade, or the reason why it is missing. */

import { escapeText, formatPeer } from 'sockcred';
import type { Authority, Claim, PeerApplication } from 'sockcred/application';
import type { Fact, ProcessDescription, ProcessState } from 'sockcred/process';
import { isUntold, type Picture, type ProcessPart, type Untold } from './picture.ts';

interface Row {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

const MOST_WORDS = 200;

function cut(text: string): string {
  return text.length <= MOST_WORDS ? text : `${text.slice(0, MOST_WORDS)}...`;
}

function factRow<T>(name: string, given: Fact<T>, show: (value: T) => string): Row {
  if (!given.known) return { name, value: 'unknown', note: `${given.reason}: ${given.detail}` };
  const own = given.authority === 'self' ? ', its own word' : '';
  return { name, value: cut(show(given.value)), note: `${given.source}, now, ${given.binding}${own}` };
}

const untoldRow = (name: string, { message }: Untold): Row => ({ name, value: 'unknown', note: message });

function stateRows({ alive, ids, capabilities, parent, exit }: ProcessState): readonly Row[] {
  const rows = [
    factRow(
      'user now',
      ids,
      value => `uid ${value.effectiveUid ?? 'hidden'}, gid ${value.effectiveGid ?? 'hidden'}`,
    ),
    factRow('capabilities', capabilities, ({ effective }) => `0x${effective.toString(16)}`),
    factRow('parent', parent, String),
  ];
  if (alive) return rows;
  return [
    factRow('ended', exit, ({ code, signal }) =>
      code === undefined ? `by signal ${signal}` : `with status ${code}`,
    ),
  ];
}

function descriptionRows(given: ProcessDescription): readonly Row[] {
  return [
    factRow('program', given.executable, ({ path, deleted }) => `${path}${deleted ? ' (deleted)' : ''}`),
    factRow('arguments', given.commandLine, words =>
      [...words, ...(given.commandLineCut ? ['… (cut)'] : [])].join(' '),
    ),
    factRow('started', given.startedAfterBoot, ms => `${(ms / 1000).toFixed(2)} s after the machine`),
    factRow('confined by', given.confinement, ({ seccomp, noNewPrivileges }) => {
      const parts = [
        ...(seccomp === 'none' ? [] : [`seccomp ${seccomp}`]),
        ...(noNewPrivileges ? ['no new privileges'] : []),
      ];
      return parts.length === 0 ? 'nothing' : parts.join(', ');
    }),
  ];
}

function processRows(part: ProcessPart): readonly Row[] {
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
    ...drift.map(({ detail, since }) => ({
      name: 'changed',
      value: detail,
      note: since === undefined ? 'since an unknown time' : `since it was ${since}`,
    })),
  ];
}

function wordOf({ of, uid }: Authority): string {
  if (of === 'user') return uid === undefined ? 'some user’s word' : `the word of uid ${uid}`;
  return of === 'self' ? 'its own word' : `the word of ${of === 'root' ? 'root' : 'the kernel'}`;
}

function nameOf(claim: Claim): string {
  const { engine, runtime, applicationId, instanceId, unit, userUnit, slice, session } = claim;
  if (engine === 'container') return `${runtime} ${instanceId}`;
  if (engine !== 'systemd')
    return [applicationId, instanceId].filter(part => part !== undefined).join(', instance ');
  const parts = [userUnit ?? unit ?? slice];
  if (applicationId !== undefined) parts.push(`application ${applicationId}`);
  if (session !== undefined) parts.push(`session ${session}`);
  return parts.join(', ');
}

function claimRow(claim: Claim): Row {
  const { engine, binding, authority, containment, evidence, captured, instance } = claim;
  const held = containment.length === 0 ? '' : `, inside ${containment.join(', ')}`;
  const checked = instance === undefined ? '' : `, instance ${instance}`;
  const when = captured === 'now' ? 'now' : 'at socket()';
  return {
    name: engine,
    value: nameOf(claim),
    note: `${evidence}, ${when}, ${binding}, ${wordOf(authority)}${checked}${held}`,
  };
}

function applicationRows({ claims, cgroup, network, label }: PeerApplication): readonly Row[] {
  const none: Row = {
    name: 'application',
    value: 'none',
    note: 'neither Flatpak, Snap, a container nor systemd',
  };
  return [
    ...(claims.length === 0 ? [none] : claims.map(claimRow)),
    ...(cgroup === undefined
      ? []
      : [{ name: 'cgroup', value: cgroup.path, note: `${cgroup.hierarchy}, now, ${cgroup.binding}` }]),
    ...(network.known
      ? [
          {
            name: 'network',
            value: `${network.value} namespace`,
            note: `${network.source}, ${network.binding}`,
          },
        ]
      : []),
    ...(label === undefined
      ? []
      : [{ name: 'label of', value: label.module, note: 'SO_PEERSEC, at socket()' }]),
  ];
}

function lines(rows: readonly Row[], color: boolean): string {
  const paint = (code: number, text: string) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows
    .map(({ name, value, note }) => {
      const strong = paint(value === 'unknown' ? 33 : 1, escapeText(value));
      return `${name.padEnd(width)}  ${strong}  ${paint(2, escapeText(note))}`;
    })
    .join('\n');
}

/** All of it. */
export function pictureText({ credentials, process, application }: Picture, color: boolean): string {
  return [
    ...(credentials === undefined ? [] : [formatPeer(credentials, { color })]),
    lines(isUntold(process) ? [untoldRow('process', process)] : processRows(process), color),
    lines(
      isUntold(application) ? [untoldRow('application', application)] : applicationRows(application),
      color,
    ),
  ].join('\n\n');
}
