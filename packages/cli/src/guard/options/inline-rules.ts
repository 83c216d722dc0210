/** Rules that are typed as options instead of being written in a file. */

import type { RuleData } from 'sockcred/authorization';
import { typedId } from '../../typed-id.ts';

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

/** The rules, each named as it was typed. */
export function inlineRules(flags: InlineFlags): readonly RuleData[] {
  const same = flags.sameNamespaces ? { sameNamespaces: true as const } : {};
  return [
    ...flags.denyUsers.map(
      (user): RuleData => ({ effect: 'deny', name: `--deny-user ${user}`, user: typedId(user) }),
    ),
    ...flags.denyGroups.map(
      (group): RuleData => ({ effect: 'deny', name: `--deny-group ${group}`, group: typedId(group) }),
    ),
    ...(flags.sameUser
      ? [{ effect: 'allow', name: '--same-user', sameUser: true, ...same } satisfies RuleData]
      : []),
    ...flags.allowUsers.map(
      (user): RuleData => ({ effect: 'allow', name: `--allow-user ${user}`, user: typedId(user), ...same }),
    ),
    ...flags.allowGroups.map(
      (group): RuleData => ({
        effect: 'allow',
        name: `--allow-group ${group}`,
        group: typedId(group),
        ...same,
      }),
    ),
    ...(flags.everyone
      ? [{ effect: 'allow', name: '--everyone', everyone: true, ...same } satisfies RuleData]
      : []),
  ];
}
