/** Rules that are typed as options instead of being written in a file. */

import type { RuleData } from 'sockcred/authorization';

export interface InlineFlags {
  readonly everyone: boolean;
  readonly sameUser: boolean;
  readonly allowUsers: readonly string[];
  readonly allowGroups: readonly string[];
  readonly denyUsers: readonly string[];
  readonly denyGroups: readonly string[];
  /** Wants it of everybody who is allowed. */
  readonly sameNamespaces: boolean;
}

/** A name, or an id in digits: no user's name is one, useradd(8). */
export function idOf(text: string): number | string {
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : text;
}

/** The rules, each named as it was typed. */
export function inlineRules(flags: InlineFlags): readonly RuleData[] {
  const same = flags.sameNamespaces ? { sameNamespaces: true as const } : {};
  return [
    ...flags.denyUsers.map(
      (user): RuleData => ({ effect: 'deny', name: `--deny-user ${user}`, user: idOf(user) }),
    ),
    ...flags.denyGroups.map(
      (group): RuleData => ({ effect: 'deny', name: `--deny-group ${group}`, group: idOf(group) }),
    ),
    ...(flags.sameUser
      ? [{ effect: 'allow', name: '--same-user', sameUser: true, ...same } satisfies RuleData]
      : []),
    ...flags.allowUsers.map(
      (user): RuleData => ({ effect: 'allow', name: `--allow-user ${user}`, user: idOf(user), ...same }),
    ),
    ...flags.allowGroups.map(
      (group): RuleData => ({ effect: 'allow', name: `--allow-group ${group}`, group: idOf(group), ...same }),
    ),
    ...(flags.everyone
      ? [{ effect: 'allow', name: '--everyone', everyone: true, ...same } satisfies RuleData]
      : []),
  ];
}
