/**
 * The evidence that one system can give under one role, and its reasons where
 * it gives none. Pure; made once per system and role, so that the same fact is
 * the same frozen object.
 */

import type { Outcome } from '../sys/outcome.ts';
import {
  type CaptureMoment,
  type Evidence,
  type KnownEvidence,
  type PeerRole,
  type UnknownEvidence,
  unknown,
} from './evidence.ts';
import type { Answered, Moment, SystemFacts, Untold } from './systems.ts';

/** A question that this system can answer: the evidence if it did, and the reasons if it did not. */
export interface Told {
  readonly told: true;
  readonly evidence: KnownEvidence;
  readonly reasons: Reasons;
}

/** A question that this system never answers. */
export interface NeverTold {
  readonly told: false;
  readonly evidence: UnknownEvidence;
}

/** The questions of one system under one role. */
export interface Facts {
  readonly ids: Told | NeverTold;
  readonly pid: Told | NeverTold;
  readonly groups: Told | NeverTold;
  readonly label: Told | NeverTold;
  readonly otherIds: Told | NeverTold;
  readonly zone: Told | NeverTold;
}

interface Reasons {
  readonly unsupported: UnknownEvidence;
  readonly noData: UnknownEvidence;
  readonly gone: UnknownEvidence;
  readonly badLength: UnknownEvidence;
  readonly incomplete: UnknownEvidence;
}

function reasonsFor({ option, incomplete }: Answered): Reasons {
  return {
    unsupported: unknown('unsupported', `no answer to ${option} on this system`),
    noData: unknown('not-provided', `${option} has no answer for this socket`),
    gone: unknown('gone', `the process was gone when ${option} was asked`),
    badLength: unknown('refused', `the answer to ${option} had the wrong length or form`),
    incomplete: unknown('maybe-incomplete', incomplete ?? 'the list of groups may lack entries'),
  };
}

/** A label dates from socket(2) whoever is meant, everything else from the role's own call. */
function captured(option: string, role: PeerRole | undefined, moment: Moment): { captured?: CaptureMoment } {
  if (option === 'SO_PEERSEC') return { captured: 'socket' };
  return role === undefined || moment === 'open' || moment === 'never' ? {} : { captured: moment };
}

function question(field: Answered | Untold, role: PeerRole | undefined, moment: Moment): Told | NeverTold {
  if ('reason' in field) return { told: false, evidence: unknown(field.reason, field.detail) };
  const { option } = field;
  const evidence: KnownEvidence = Object.freeze({
    known: true,
    ...(role === undefined ? {} : { about: role }),
    source: option,
    ...captured(option, role, moment),
  });
  return { told: true, evidence, reasons: reasonsFor(field) };
}

function factsOf(system: SystemFacts, role: PeerRole | undefined): Facts {
  const ask = (field: Answered | Untold) =>
    question(field, role, role === undefined ? 'open' : system.moments[role]);
  return {
    ids: ask(system.ids),
    pid: ask(system.pid),
    groups: ask(system.groups),
    label: ask(system.label),
    otherIds: ask(system.otherIds),
    zone: ask(system.zone),
  };
}

/** All roles of one system: a program meets one system only. */
interface Made extends Readonly<Record<PeerRole, Facts>> {
  readonly system: SystemFacts;
  readonly untold: Facts;
}

let made: Made | undefined;

/** What this system can say of a peer in this role. */
export function factsUnder(system: SystemFacts, role: PeerRole | undefined): Facts {
  if (made?.system !== system) {
    made = {
      system,
      connector: factsOf(system, 'connector'),
      listener: factsOf(system, 'listener'),
      creator: factsOf(system, 'creator'),
      untold: factsOf(system, undefined),
    };
  }
  return made[role ?? 'untold'];
}

/** Why a question that this system can answer has no answer, by what became of it. */
export function unanswered({ evidence, reasons }: Told, outcome: Outcome): Evidence {
  switch (outcome.kind) {
    case 'unsupported':
      return reasons.unsupported;
    case 'no-data':
      return reasons.noData;
    case 'maybe-incomplete':
      return reasons.incomplete;
    case 'gone':
      return reasons.gone;
    case 'bad-length':
      return reasons.badLength;
    default:
      return unknown('refused', `${evidence.source}: ${outcome.errno ?? 'no answer'}`);
  }
}
