/** What is wrong with the `[limits]` of a policy file. */

import { type Limits, limitsFault } from 'sockcred/gate';

/** A fault whose place is not looked up yet. */
export interface Fault {
  readonly code: string;
  readonly path: string;
  readonly message: string;
}

const LIMITS: readonly (keyof Limits)[] = [
  'connections',
  'connectionsPerUid',
  'acceptsPerUid',
  'firstByteMs',
  'spareDescriptors',
];
const RATE = ['count', 'seconds'];
/** Of these nobody comes in with 0, which is said by not starting, or by no rule. Options refuse it too. */
const SOME: readonly (keyof Limits)[] = ['connections', 'connectionsPerUid', 'firstByteMs'];

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name that does not exist, with those that do: there are few. */
export function unknownProperty(path: string, there: readonly string[]): Fault {
  return {
    code: 'unknown-property',
    path,
    message: `there is no such property; there are ${there.join(', ')}`,
  };
}

/** `limitsFault()` tells one fault, so each property is shown to it alone. */
export function limitFaults(limits: unknown): readonly Fault[] {
  if (limits === undefined) return [];
  if (!isTable(limits)) return [{ code: 'type', path: 'limits', message: 'must be a table: [limits]' }];
  return Object.entries(limits).flatMap(([name, value]): Fault[] => {
    const path = `limits.${name}`;
    if (!LIMITS.some(known => known === name)) return [unknownProperty(path, LIMITS)];
    if (name === 'acceptsPerUid' && isTable(value)) {
      const strange = Object.keys(value).filter(key => !RATE.includes(key));
      if (strange.length > 0) return strange.map(key => unknownProperty(`${path}.${key}`, RATE));
    }
    const message =
      value === 0 && SOME.some(known => known === name)
        ? `${path} must be at least 1: 0 would let nobody in; without it there is no such limit`
        : limitsFault({ [name]: value } as Limits);
    return message === undefined ? [] : [{ code: 'type', path, message }];
  });
}
