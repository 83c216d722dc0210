/**
 * Does this hold of the peer: yes, no, or it cannot be told? Pure. Unknown
 * stays unknown under `not`; `and` with a no is no and `or` with a yes is yes,
 * whatever is unknown beside them (Kleene's strong logic). So what is decided
 * with a fact missing is decided the same way whatever that fact turns out to be.
 */

import { escapeText } from '../credentials/format.ts';
import type { Fact, FactName, FactsOfPeer, FactValues } from './fact.ts';

/** Whether something holds of a peer; `unknown` satisfies nothing. */
export type Verdict = 'yes' | 'no' | 'unknown';

/** One question that was asked on the way to a verdict. */
export interface Because {
  /** Where it stands in the policy: `rules[2].user`. */
  readonly path: string;
  readonly verdict: Verdict;
  readonly detail: string;
}

/** A condition that has been read. */
export interface Condition {
  readonly facts: readonly FactName[];
  /** Asks, and writes down what it asked. */
  test(subject: FactsOfPeer, because: Because[]): Verdict;
}

/** What the groups of a pattern matched, for the roles of a map. */
export type Captures = readonly (string | undefined)[];

function say(because: Because[], path: string, verdict: Verdict, detail: string): Verdict {
  because.push(Object.freeze({ path, verdict, detail }));
  return verdict;
}

function sayUnknown(
  because: Because[],
  path: string,
  name: FactName,
  fact: Fact<unknown> & { known: false },
): Verdict {
  return say(because, path, 'unknown', `${name} is unknown: ${fact.reason}: ${escapeText(fact.detail)}`);
}

/** Whether a claim that others can make up counts. */
export interface Authority {
  /** It does not: the fact would raise trust, and the rule does not say that it may. */
  readonly strongOnly: boolean;
}

/** The fact as it counts under this authority: a forgeable one may be as good as none. */
export function weighed<N extends FactName>(
  subject: FactsOfPeer,
  name: N,
  { strongOnly }: Authority,
): Fact<FactValues[N]> {
  const fact = subject.fact(name);
  if (!fact.known || fact.forgeable === undefined || !strongOnly) return fact;
  const what = fact.value === null ? 'none is seen, which is never sure' : 'of weak authority';
  const detail = `${what}, and this rule does not believe it: ${fact.forgeable}`;
  return { known: false, reason: 'ambiguous', detail };
}

/** A question about one fact. */
export function factCondition<N extends FactName>(
  path: string,
  name: N,
  authority: Authority,
  holds: (value: FactValues[N]) => readonly [verdict: Verdict, detail: string],
): Condition {
  return {
    facts: [name],
    test(subject, because) {
      const fact = weighed(subject, name, authority);
      if (!fact.known) return sayUnknown(because, path, name, fact);
      const [verdict, detail] = holds(fact.value);
      return say(because, path, verdict, detail);
    },
  };
}

const LISTED = 8;

/** `is 5, which is wanted` or `is 5, none of 1, 2, 3`, at a bounded length. */
function compared(
  what: string,
  value: string | number,
  wanted: readonly (string | number)[],
  holds: boolean,
) {
  if (holds) return `${what} is ${value}`;
  const shown = wanted.slice(0, LISTED).join(', ');
  const rest = wanted.length > LISTED ? ` and ${wanted.length - LISTED} more` : '';
  return wanted.length === 1
    ? `${what} is ${value}, not ${shown}`
    : `${what} is ${value}, none of ${shown}${rest}`;
}

/** Is this id one of these? */
export function idCondition(
  path: string,
  name: 'uid' | 'gid',
  ids: readonly number[],
  authority: Authority,
): Condition {
  const wanted = new Set(ids);
  return factCondition(path, name, authority, id => {
    const holds = wanted.has(id);
    return [holds ? 'yes' : 'no', compared(name, id, ids, holds)];
  });
}

/** Is the peer in one of these groups? The primary one counts though the list be unknown. */
export function groupCondition(path: string, ids: readonly number[], authority: Authority): Condition {
  const wanted = new Set(ids);
  return {
    facts: ['gid', 'groups'],
    test(subject, because) {
      const gid = weighed(subject, 'gid', authority);
      if (gid.known && wanted.has(gid.value)) return say(because, path, 'yes', `gid is ${gid.value}`);
      const groups = weighed(subject, 'groups', authority);
      if (!groups.known) return sayUnknown(because, path, 'groups', groups);
      const found = groups.value.find(group => wanted.has(group));
      if (found !== undefined) return say(because, path, 'yes', `groups have ${found}`);
      return say(because, path, 'no', `groups have none of ${ids.slice(0, LISTED).join(', ')}`);
    },
  };
}

/** A text that is wanted, as a function that gives what its groups matched. */
export interface TextMatcher {
  readonly shown: string;
  match(text: string): Captures | undefined;
}

/** A page, and so the longest label that Linux lets a process set; names are shorter. Bounds what a pattern can cost. */
const MOST_TEXT = 4096;

/** Is this text one of these? */
export function textCondition(
  path: string,
  name: 'label' | 'unit' | 'userUnit' | 'application' | 'container',
  matchers: readonly TextMatcher[],
  authority: Authority,
): Condition {
  return factCondition(path, name, authority, text => {
    if (text === null) return ['no', `there is no ${name}`];
    if (text.length > MOST_TEXT) return ['unknown', `the ${name} is longer than is compared`];
    const holds = matchers.some(matcher => matcher.match(text) !== undefined);
    const wanted = matchers.map(({ shown }) => shown);
    return [holds ? 'yes' : 'no', compared(name, escapeText(text), wanted, holds)];
  });
}

/** All of these; nothing is asked any more once one says no. */
export function allOf(conditions: readonly Condition[]): Condition {
  if (conditions.length === 1) return conditions[0] as Condition;
  return {
    facts: conditions.flatMap(({ facts }) => facts),
    test(subject, because) {
      let verdict: Verdict = 'yes';
      for (const condition of conditions) {
        const part = condition.test(subject, because);
        if (part === 'no') return 'no';
        if (part === 'unknown') verdict = 'unknown';
      }
      return verdict;
    },
  };
}

/** At least one of these; nothing is asked any more once one says yes. */
export function anyOf(conditions: readonly Condition[]): Condition {
  if (conditions.length === 1) return conditions[0] as Condition;
  return {
    facts: conditions.flatMap(({ facts }) => facts),
    test(subject, because) {
      let verdict: Verdict = 'no';
      for (const condition of conditions) {
        const part = condition.test(subject, because);
        if (part === 'yes') return 'yes';
        if (part === 'unknown') verdict = 'unknown';
      }
      return verdict;
    },
  };
}

const OPPOSITE: Readonly<Record<Verdict, Verdict>> = { yes: 'no', no: 'yes', unknown: 'unknown' };

export function negated(path: string, condition: Condition): Condition {
  return {
    facts: condition.facts,
    test(subject, because) {
      const verdict = OPPOSITE[condition.test(subject, because)];
      const detail =
        verdict === 'unknown' ? 'the opposite of an unknown is unknown' : `the opposite holds: ${verdict}`;
      return say(because, path, verdict, detail);
    },
  };
}

/** Of everybody, also of somebody of whom nothing is known. */
export function always(path: string): Condition {
  return { facts: [], test: (_, because) => say(because, path, 'yes', 'it is meant of everyone') };
}
