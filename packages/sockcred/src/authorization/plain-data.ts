/**
 * Reads plain data of unknown shape, and collects what is wrong with it, with
 * the path to each fault. Pure. Nothing that is not written down as its own
 * property counts, and nothing that does not belong there is passed over.
 */

import { escapeText } from '../credentials/format.ts';
import { nearName } from './near-name.ts';
import { type PolicyFault, type PolicyFaultCode, pathTo } from './policy-error.ts';

/** Deeper than a person nests, and shallow enough to read without end of stack. */
export const MOST_DEPTH = 16;

export type Properties = ReadonlyMap<string, unknown>;

/** The faults found so far. Everything reads on after a fault, so that all of them are told at once. */
export class Faults {
  readonly list: PolicyFault[] = [];

  add(code: PolicyFaultCode, path: string, message: string): undefined {
    this.list.push(Object.freeze({ code, path, message }));
    return undefined;
  }
}

/** The properties of a plain object, of which only these may be there. */
export function properties(
  value: unknown,
  path: string,
  allowed: ReadonlySet<string> | undefined,
  faults: Faults,
): Properties | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return faults.add('type', path || 'policy', 'must be an object');
  }
  const found = new Map<string, unknown>();
  for (const key of Object.keys(value)) {
    if (allowed !== undefined && !allowed.has(key)) {
      const near = nearName(key, allowed);
      const hint = near === undefined ? '' : `; is ${near} meant?`;
      faults.add('unknown-property', pathTo(path, key), `there is no such property${hint}`);
    } else {
      found.set(key, (value as Record<string, unknown>)[key]);
    }
  }
  return found;
}

/** The entries of a list that has to have some, or one value in place of it. */
export function oneOrMore(
  value: unknown,
  path: string,
  faults: Faults,
): readonly { readonly value: unknown; readonly path: string }[] {
  if (!Array.isArray(value)) return [{ value, path }];
  return list(value, path, faults);
}

/** The entries of a list that has to have some. */
export function list(
  value: unknown,
  path: string,
  faults: Faults,
): readonly { readonly value: unknown; readonly path: string }[] {
  if (!Array.isArray(value)) {
    faults.add('type', path, 'must be a list');
    return [];
  }
  if (value.length === 0) faults.add('empty', path, 'a list with nothing in it holds of nobody');
  // Array.from also visits holes, which would be passed over otherwise.
  return Array.from(value, (entry: unknown, index) => ({ value: entry, path: pathTo(path, index) }));
}

export function text(value: unknown, path: string, faults: Faults): string | undefined {
  if (typeof value !== 'string') return faults.add('type', path, 'must be text');
  return value === '' ? faults.add('empty', path, 'must not be empty') : value;
}

/** One of a few words. */
export function word<T extends string>(
  value: unknown,
  path: string,
  allowed: readonly T[],
  faults: Faults,
): T | undefined {
  const found = allowed.find(candidate => candidate === value);
  return found ?? faults.add('type', path, `must be one of ${allowed.join(', ')}`);
}

/** `true`: its opposite is said with `not`. */
export function yes(value: unknown, path: string, faults: Faults): boolean {
  if (value === true) return true;
  faults.add('type', path, 'must be true; the opposite is said with not');
  return false;
}

/** Text of a policy as it may appear in a message. */
export function quoted(name: string): string {
  return `'${escapeText(name)}'`;
}
