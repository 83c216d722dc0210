/**
 * What comes beside the data of a message, as a value: the sender, owned
 * descriptors, the label and the sender's process descriptor.
 */

import { type SecurityLabel, securityLabel } from '../credentials/label.ts';
import { PeerTypeError } from '../errors.ts';
import type { ListenOptions } from '../listening/listen-at.ts';
import { type IdView, idView, unrecordedIds } from '../sys/id-view.ts';
import type { RawMessage } from '../sys/message-arena.ts';
import {
  isOptionOn,
  type MessageOption,
  PASS_CREDENTIALS,
  PASS_FDS,
  PASS_LABELS,
  PASS_PIDFDS,
  setOption,
} from '../sys/message-socket.ts';
import { ReceivedFd } from '../sys/owned-fd.ts';
import { decodeSender, type MessageCredentials, type SenderView } from './message-credentials.ts';
import { optionError } from './refusals.ts';

/** What a message may bring along. */
export interface ArrivalOptions {
  /**
   * File descriptors of one message: how many are taken, further ones are closed. `true` is 64.
   * Where none are taken, Linux 6.16 and later refuse their sender.
   */
  readonly acceptFds?: boolean | number;
  /** Ask for the sender's security label, where a security module gives one. */
  readonly labels?: boolean;
  /** Ask for a descriptor of the sender's process: Linux 6.5. */
  readonly pidfds?: boolean;
}

/** Who may connect, how many may wait, and what they may bring. */
export type AcceptOptions = ListenOptions & ArrivalOptions;

/** Who sent a message, and what came beside it. */
export interface Arrival {
  readonly sender: MessageCredentials;
  /** Descriptors that were sent along: take them or close them. */
  readonly fds: readonly ReceivedFd[];
  /** Some or all descriptors that were sent were not wanted, or had no room: they are closed. */
  readonly fdsLost: boolean;
  readonly label?: SecurityLabel;
  /** The sender's process, as far as the pid that it came with is its own. */
  readonly pidfd?: ReceivedFd;
}

const NO_FDS: readonly ReceivedFd[] = Object.freeze([]);

/** How many descriptors a message may bring. */
export function fdLimit(acceptFds: boolean | number | undefined, usual: boolean): number {
  const given = acceptFds ?? usual;
  if (typeof given === 'boolean') return given ? 64 : 0;
  if (Number.isInteger(given) && given >= 0 && given <= 253) return given;
  throw new PeerTypeError('ERR_ARGUMENT', 'acceptFds must be a boolean, or an integer from 0 to 253');
}

function require(fd: number, option: MessageOption, on: boolean): void {
  const outcome = setOption(fd, option, on);
  if (outcome.kind !== 'answered') throw optionError(outcome);
}

/**
 * Switches on what the options ask for; credentials always.
 *
 * @throws {@link PeerError} `ERR_PEER_UNSUPPORTED`, `ERR_PEER_SYSTEM`
 */
export function prepareArrivals(fd: number, options: ArrivalOptions, mostFds: number): void {
  require(fd, PASS_CREDENTIALS, true);
  if (options.labels === true) require(fd, PASS_LABELS, true);
  if (options.pidfds === true) require(fd, PASS_PIDFDS, true);
  // A kernel that does not know the option delivers them, and they are closed.
  if (isOptionOn(fd, PASS_FDS) !== undefined) require(fd, PASS_FDS, mostFds > 0);
}

/** The receiving side as it is for one batch of messages: its maps may change, but not that fast. */
export function currentView(): SenderView {
  let ids: { readonly uid: number; readonly gid: number } | undefined;
  return {
    view: idView(),
    unrecorded() {
      ids ??= unrecordedIds();
      return ids;
    },
  };
}

/** The last sender: mostly it is the next one as well, and then it is the same object. Not with groups, which are not kept. */
let last: { raw: RawMessage; view: IdView; sender: MessageCredentials } | undefined;

function senderOf(raw: RawMessage, around: SenderView): MessageCredentials {
  if (
    last !== undefined &&
    last.view === around.view &&
    last.raw.credentials === raw.credentials &&
    last.raw.pid === raw.pid &&
    last.raw.pid !== 0 &&
    last.raw.uid === raw.uid &&
    last.raw.gid === raw.gid &&
    raw.groups.kind === 'unsupported'
  ) {
    return last.sender;
  }
  const sender = decodeSender(raw, around);
  last = { raw, view: around.view, sender };
  return sender;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What came beside a message; its descriptors belong to the value from here on. */
export function arrivalOf(raw: RawMessage, around: SenderView): Arrival {
  const arrival: Mutable<Arrival> = {
    sender: senderOf(raw, around),
    fds: raw.fds.length === 0 ? NO_FDS : raw.fds.map(fd => new ReceivedFd(fd)),
    fdsLost: raw.fdsRefused || raw.controlCut,
  };
  if (raw.label.kind === 'answered' && raw.labelBytes.length > 0)
    arrival.label = securityLabel(raw.labelBytes);
  if (raw.pidfdNumber !== -1) arrival.pidfd = new ReceivedFd(raw.pidfdNumber);
  return arrival;
}

/** Closes what nobody has been given. */
export function closeArrival({ fds, pidfd }: Arrival): void {
  for (const fd of fds) fd.close();
  pidfd?.close();
}
