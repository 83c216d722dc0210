/**
 * A policy as plain data: what a file in any format, or a program, writes
 * down. Nothing here is believed before `compilePolicy()` has read it.
 */

import type { PeerRole } from '../credentials/evidence.ts';
import type { FactName, NamespaceKind } from './fact.ts';

/** One value, or several of which any will do. */
export type OneOrMore<T> = T | readonly T[];

/** A user or group: its id, or a name that is looked up once, when the policy is loaded. */
export type IdData = number | string;

/** Exactly this text, or a regular expression that has to fit all of it. */
export type TextData = string | { readonly pattern: string };

/**
 * What must hold of a peer: everything that is written down. A condition that
 * says nothing is an error; `everyone: true` says it.
 */
export interface ConditionData {
  readonly everyone?: true;
  /** Effective user. */
  readonly user?: OneOrMore<IdData>;
  /** The effective user that this process had when the policy was loaded. */
  readonly sameUser?: true;
  /** Primary or supplementary group. */
  readonly group?: OneOrMore<IdData>;
  /** Effective primary group. */
  readonly primaryGroup?: OneOrMore<IdData>;
  readonly label?: OneOrMore<TextData>;
  readonly role?: OneOrMore<PeerRole>;
  /** A child process of this one, by the name under which it was given to the policy. */
  readonly child?: OneOrMore<string>;
  readonly alive?: true;
  /** `true` means user, pid and mnt. */
  readonly sameNamespaces?: true | readonly NamespaceKind[];
  readonly unit?: OneOrMore<TextData>;
  readonly userUnit?: OneOrMore<TextData>;
  readonly application?: OneOrMore<TextData>;
  readonly container?: OneOrMore<TextData>;
  /** None of these. An unknown fact makes it unknown, never true. */
  readonly not?: OneOrMore<ConditionData>;
  /** At least one of these. */
  readonly any?: readonly ConditionData[];
  /** All of these. */
  readonly all?: readonly ConditionData[];
}

/** Lets in or keeps out whoever the condition holds of. */
export interface RuleData extends ConditionData {
  readonly effect: 'allow' | 'deny';
  /** For people: decisions mention it. */
  readonly name?: string;
  /** Of an allow rule: the map that gives the peer its local roles; who gets none from it is not let in. */
  readonly map?: string;
  /** Facts that may raise trust here although other processes of the same user can make them up. */
  readonly believeForgeable?: readonly FactName[];
}

/**
 * Who of the peers has which local roles. `\1` to `\9` in a role stand for what the groups of a pattern
 * matched, in an entry that has exactly one pattern.
 */
export interface MapEntryData extends ConditionData {
  readonly as: OneOrMore<string>;
  readonly believeForgeable?: readonly FactName[];
}

/** Rules in any order: whom a deny rule keeps out no allow rule lets in, and whom no rule lets in stays out. */
export interface PolicyData {
  readonly rules: readonly RuleData[];
  readonly maps?: Readonly<Record<string, readonly MapEntryData[]>>;
}
