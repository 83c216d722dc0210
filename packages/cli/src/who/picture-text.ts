/** A picture as lines for a person: every part with its grade, or the reason why it is missing. */

import { escapeText, formatPeer } from 'sockcred';
import type { Authority, Claim, PeerCgroup, SecurityContext, ToldLabel } from 'sockcred/application';
import { type ApplicationPart, isUntold, type Picture } from './picture.ts';
import { processRows } from './process-rows.ts';
import { quoted, type Row, untoldRow } from './row.ts';

function wordOf({ of, uid }: Authority): string {
  if (of === 'user') return uid === undefined ? 'some user’s word' : `the word of uid ${uid}`;
  return of === 'self' ? 'its own word' : `the word of ${of === 'root' ? 'root' : 'the kernel'}`;
}

function nameOf(claim: Claim): string {
  const { engine, runtime, applicationId, instanceId, podId, unit, userUnit, unitInstance, slice, session } =
    claim;
  const part = (before: string, text: string | undefined) =>
    text === undefined ? [] : [`${before}${quoted(text)}`];
  switch (engine) {
    case 'container':
      return [`${runtime} ${quoted(instanceId ?? '')}`, ...part('pod ', podId)].join(', ');
    case 'slurm':
      return `step ${quoted(instanceId ?? '')}`;
    case 'systemd':
      return [
        ...part('', userUnit ?? unit ?? slice),
        ...part('instance ', unitInstance),
        ...part('application ', applicationId),
        ...part('session ', session),
        ...((userUnit ?? unit) === undefined ? [] : part('slice ', slice)),
      ].join(', ');
    default:
      return [...part('', applicationId), ...part('instance ', instanceId)].join(', ');
  }
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

function claimRows({ claims, untold = [] }: ApplicationPart): readonly Row[] {
  const none: Row = {
    name: 'application',
    value: 'none',
    note:
      untold.length === 0
        ? 'neither Flatpak, Snap, a container, Slurm nor systemd'
        : 'of those that could be asked',
  };
  return [
    ...(claims.length === 0 ? [none] : claims.map(claimRow)),
    ...untold.map(({ engine, message }) => untoldRow(engine, { code: '', message })),
  ];
}

/** Neighbours of one authority together: `root: system.slice, uid 1000: app.slice/x.scope`. */
function wordsOfNames({ segments }: PeerCgroup): string {
  const parts: { who: string; names: string[] }[] = [];
  for (const { name, authority } of segments) {
    const who = authority.of === 'user' ? `uid ${authority.uid ?? 'unknown'}` : authority.of;
    const last = parts.at(-1);
    if (last?.who === who) last.names.push(name);
    else parts.push({ who, names: [name] });
  }
  return parts.map(({ who, names }) => `${who}: ${quoted(names.join('/'))}`).join(', ');
}

function cgroupRows(cgroup: PeerCgroup | undefined): readonly Row[] {
  if (cgroup === undefined) return [];
  const { path, hierarchy, binding, segments, deleted } = cgroup;
  const note = `${hierarchy}, now, ${binding}${deleted ? ', removed since' : ''}`;
  const names: Row = { name: 'named by', value: wordsOfNames(cgroup), note: 'whose word each name is' };
  return [{ name: 'cgroup', value: quoted(path), note }, ...(segments.length === 0 ? [] : [names])];
}

function contextText(context: SecurityContext): string {
  switch (context.module) {
    case 'apparmor': {
      const { profiles, mode } = context;
      if (profiles.length === 0) return 'unconfined';
      return `${profiles.map(quoted).join(' and ')}${mode === undefined ? '' : ` (${mode})`}`;
    }
    case 'selinux': {
      const { user, role, type, level } = context;
      return quoted([user, role, type, ...(level === undefined ? [] : [level])].join(':'));
    }
    case 'smack':
      return quoted(context.name);
    default:
      return quoted(context.text);
  }
}

const MODULES = {
  apparmor: 'AppArmor',
  selinux: 'SELinux',
  smack: 'Smack',
  other: 'a module not known',
} as const;

function labelRow({ context, evidence, captured, binding, authority }: ToldLabel): Row {
  const when = captured === 'now' ? 'now' : 'at socket()';
  const note = `${MODULES[context.module]}, ${evidence}, ${when}, ${binding}, ${wordOf(authority)}`;
  return { name: 'label', value: contextText(context), note };
}

function applicationRows(part: ApplicationPart): readonly Row[] {
  const { cgroup, containment, network, label } = part;
  return [
    ...claimRows(part),
    ...(containment === undefined
      ? []
      : [
          {
            name: 'held inside',
            value: containment.length === 0 ? 'nothing' : containment.join(', '),
            note: 'now, the word of the kernel; as far as can be seen from here',
          },
        ]),
    ...cgroupRows(cgroup),
    ...(network.known
      ? [
          {
            name: 'network',
            value: `${network.value} namespace`,
            note: `${network.source}, ${network.binding}`,
          },
        ]
      : []),
    ...(label === undefined ? [] : [labelRow(label)]),
  ];
}

function lines(rows: readonly Row[], color: boolean): string {
  const paint = (code: number, text: string) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows
    .map(({ name, value, note }) => {
      const strong = paint(value === 'unknown' ? 33 : 1, value);
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
