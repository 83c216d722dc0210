/** What is wrong with a policy, all at once and each with the path to it: `rules[2].user`. */

import { escapeText } from '../credentials/format.ts';

/** Every kind of fault. */
export type PolicyFaultCode =
  /** A value of another type than belongs there. */
  | 'type'
  /** A property that does not exist. */
  | 'unknown-property'
  /** A property that has to be there. */
  | 'missing'
  /** A condition, list or text with nothing in it. */
  | 'empty'
  /** A user or group that has no id here. */
  | 'name'
  /** A map or child that was not given. */
  | 'reference'
  /** No regular expression. */
  | 'pattern'
  /** `\1` without the group that it stands for. */
  | 'capture'
  /** Trust is to be raised by a claim that others can make up. */
  | 'forgeable'
  /** Properties that do not go together. */
  | 'contradiction';

/** One thing that is wrong with a policy. */
export interface PolicyFault {
  readonly code: PolicyFaultCode;
  /** Where it is, from the top of the policy: `rules[2].user`. */
  readonly path: string;
  readonly message: string;
}

/**
 * A policy that cannot be used. Nothing of it is in force.
 *
 * @example
 * ```ts
 * import { definePolicy, PolicyError } from 'sockcred/authorization';
 *
 * try {
 *   definePolicy({ rules: [{ effect: 'allow', user: 'no-such-user' }] });
 * } catch (error) {
 *   console.log(error instanceof PolicyError && error.faults[0]?.path); // rules[0].user
 * }
 * ```
 */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  readonly code = 'ERR_POLICY';
  readonly faults: readonly PolicyFault[];

  constructor(faults: readonly PolicyFault[]) {
    super(faults.map(({ path, message }) => `${path}: ${message}`).join('\n'));
    this.faults = Object.freeze([...faults]);
  }
}

/**
 * The path of a property, as faults and decisions have it; a name that is no plain word is quoted. For
 * programs that show where in a file it stands.
 *
 * @example
 * ```ts
 * import { pathTo } from 'sockcred/authorization';
 *
 * console.log(pathTo(pathTo('rules', 2), 'user')); // rules[2].user
 * ```
 */
export function pathTo(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`;
  const name = /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key) ? key : JSON.stringify(escapeText(key));
  return parent === '' ? name : `${parent}.${name}`;
}
