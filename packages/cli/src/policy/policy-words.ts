/** A policy in plain words, for whoever runs the machine and writes no programs. */

import { escapeText } from 'sockcred';
import {
  type ConditionData,
  type FactName,
  type IdData,
  type MapEntryData,
  type NameResolver,
  type OneOrMore,
  type PolicyData,
  type RuleData,
  systemNames,
  type TextData,
} from 'sockcred/authorization';
import type { Limits } from 'sockcred/gate';
import type { LoadedPolicy } from './policy-file.ts';

const each = <T>(value: OneOrMore<T>): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** `a`, `a or b`, `a, b or c`. */
function oneOf(words: readonly string[], last = 'or'): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}

const all = (words: readonly string[]) => oneOf(words, 'and');

const quoted = (text: string) => `'${escapeText(text)}'`;

/** `user alice (uid 1000)`, `uid 1000`. */
function ids(given: OneOrMore<IdData>, kind: 'user' | 'group', names: NameResolver): string {
  const letters = kind === 'user' ? 'uid' : 'gid';
  return oneOf(
    each(given).map(id =>
      typeof id === 'number'
        ? `${letters} ${id}`
        : `${kind} ${escapeText(id)} (${letters} ${names[kind](id)})`,
    ),
  );
}

function texts(given: OneOrMore<TextData>): string {
  return oneOf(
    each(given).map(text =>
      typeof text === 'string' ? quoted(text) : `something that fits ${quoted(text.pattern)} as a whole`,
    ),
  );
}

const ROLES = {
  connector: 'made the connection',
  listener: 'listens',
  creator: 'made both ends of the connection',
} as const;

const KINDS: Readonly<Record<string, string>> = { mnt: 'mount', net: 'network', uts: 'host name' };

function namespaces(given: NonNullable<ConditionData['sameNamespaces']>): string {
  const kinds = given === true ? ['user', 'pid', 'mnt'] : given;
  const words = kinds.map(kind => KINDS[kind] ?? kind);
  const outside = kinds.includes('mnt')
    ? ', so is in no container unless this program is in the same one'
    : '';
  return `shares the ${all(words)} namespace${kinds.length === 1 ? '' : 's'} of this program${outside}`;
}

type Asked = Exclude<keyof ConditionData, 'all' | 'any' | 'not'>;

/** How each condition is said, after "lets in whoever". */
const SAID: { readonly [P in Asked]: (value: NonNullable<ConditionData[P]>, names: NameResolver) => string } =
  {
    everyone: () => 'connects, whoever that is',
    user: (value, names) => `runs as ${ids(value, 'user', names)}`,
    sameUser: () =>
      `runs as the same user as this program (uid ${process.geteuid?.()}, were it run by you now)`,
    group: (value, names) => `is in ${ids(value, 'group', names)}`,
    primaryGroup: (value, names) => `has as its primary group ${ids(value, 'group', names)}`,
    label: value => `has the security label ${texts(value)}`,
    role: value => oneOf(each(value).map(role => ROLES[role])),
    child: value => `is the process ${oneOf(each(value).map(quoted))} that this program started`,
    alive: () => 'still runs',
    sameNamespaces: namespaces,
    unit: value => `is part of the system service ${texts(value)}`,
    userUnit: value => `is part of the user's own service ${texts(value)}`,
    application: value => `is the sandboxed application ${texts(value)}`,
    container: value => `runs in the container ${texts(value)}`,
  };

const isAsked = (property: string): property is Asked => Object.hasOwn(SAID, property);

function said<P extends Asked>(property: P, given: ConditionData, names: NameResolver): string {
  return SAID[property](given[property] as NonNullable<ConditionData[P]>, names);
}

/** The parts of a condition, one a line; all of them have to hold. */
function parts(given: ConditionData, names: NameResolver, indent: string): readonly string[] {
  const group = (title: string, conditions: readonly ConditionData[]): readonly string[] => [
    `${indent}- ${title}`,
    ...conditions.flatMap((condition, index) => {
      const inner = parts(condition, names, `${indent}  `);
      return index === 0 || title.includes('all') ? inner : [`${indent}  or`, ...inner];
    }),
  ];
  const asked = Object.keys(given).filter(isAsked);
  return [
    ...asked.map(property => `${indent}- ${said(property, given, names)}`),
    ...(given.all === undefined ? [] : group('meets all of this:', given.all)),
    ...(given.any === undefined ? [] : group('meets at least one of these:', given.any)),
    ...(given.not === undefined ? [] : group('is known not to be one who:', each(given.not))),
  ];
}

function entryLines(entry: MapEntryData, names: NameResolver): readonly string[] {
  const roles = each(entry.as).map(quoted);
  const title = `    the role${roles.length === 1 ? '' : 's'} ${all(roles)}, whoever`;
  return [title, ...parts(entry, names, '      ')];
}

/** What the rule says beside its condition, and of whom it cannot tell. */
function furtherLines(rule: RuleData, maps: PolicyData['maps'], names: NameResolver): readonly string[] {
  const { believeForgeable, map, effect } = rule;
  const entries = map === undefined ? [] : (maps?.[map] ?? []);
  const untold =
    effect === 'deny'
      ? '  Where this cannot be told of somebody, they are kept out as well.'
      : '  Where this cannot be told of somebody, this rule does not let them in.';
  return [
    ...(believeForgeable === undefined
      ? []
      : [`  It believes ${all(believeForgeable)} even where others than root could have made that up.`]),
    ...(entries.length === 0 ? [] : ['  They get, and are let in only if they get something:']),
    ...entries.flatMap(entry => entryLines(entry, names)),
    ...(rule.everyone === true && entries.length === 0 ? [] : [untold]),
  ];
}

function ruleLines(rule: RuleData, title: string, maps: PolicyData['maps'], names: NameResolver) {
  const name = rule.name === undefined ? '' : ` ${quoted(rule.name)}`;
  const verb = rule.effect === 'allow' ? 'lets in' : 'keeps out';
  return [
    `${title}${name} ${verb} whoever`,
    ...parts(rule, names, '  '),
    ...furtherLines(rule, maps, names),
    '',
  ];
}

/** Where each fact comes from, and what that is worth. */
const NEEDS: Readonly<Record<FactName, string>> = {
  uid: 'user: the kernel, as of the moment of connecting',
  gid: 'primary group: the kernel, as of the moment of connecting',
  groups: 'all groups: the kernel, as of the moment of connecting; not what /etc/group says by now',
  label: 'security label: the kernel, as of when the socket was made',
  role: 'who connected: the kernel, by the names of both ends',
  process: 'which process it is: the kernel, now (Linux 6.5)',
  alive: 'whether it still runs: the kernel, now',
  namespaces: "namespaces: the kernel, now; of another user's process only root can tell",
  unit: 'system service: the name of its cgroup, now; believed where only root could have named it',
  userUnit: "user's service: the name of its cgroup, now; the user's own word",
  application: "sandboxed application: Flatpak's file, or Snap's label, now; mostly the user's own word",
  container: 'container: the name of its cgroup, now',
};

function limitLines(limits: Limits): readonly string[] {
  const { connections, connectionsPerUid, acceptsPerUid, firstByteMs, spareDescriptors } = limits;
  const lines = [
    connections === undefined ? '' : `at most ${connections} connections at a time`,
    connectionsPerUid === undefined ? '' : `at most ${connectionsPerUid} connections of one user at a time`,
    acceptsPerUid === undefined
      ? ''
      : `at most ${acceptsPerUid.count} new connections of one user in ${acceptsPerUid.seconds} seconds`,
    firstByteMs === undefined ? '' : `the first byte has to come within ${firstByteMs} ms`,
    spareDescriptors === undefined ? '' : `${spareDescriptors} file descriptors are kept free`,
  ].filter(line => line !== '');
  return lines.length === 0 ? [] : ['', 'Limits:', ...lines.map(line => `  ${line}`)];
}

/** All of it, as lines. */
export function policyWords({ data, policy, limits, positionOf }: LoadedPolicy): readonly string[] {
  const names = systemNames();
  const { rules, maps } = data;
  const lines = rules.flatMap((rule, index) =>
    ruleLines(rule, `Rule ${index} (line ${positionOf(`rules[${index}]`).line})`, maps, names),
  );
  return [
    ...(rules.length === 0
      ? ['There are no rules: everybody is kept out.']
      : [
          ...lines,
          'Whoever a rule keeps out stays out, whatever other rules say and in whatever order they stand.',
          'Whoever no rule lets in stays out.',
        ]),
    ...limitLines(limits),
    ...(policy.facts.size === 0
      ? []
      : ['', 'What it goes by:', ...[...policy.facts].map(fact => `  ${NEEDS[fact]}`)]),
    '',
    'Names of users and groups were looked up just now; whoever is renamed or renumbered later is not noticed until',
    'the policy is read again. Who has been let in stays in until their connection ends.',
  ];
}
