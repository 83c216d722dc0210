/**
 * What a process is now: ids, groups, capabilities, parent, cgroup, and how it
 * ended. The kernel vouches, for this moment only; what a peer was when it
 * connected is another question, which `peerCredentials()` answers.
 */

import { type UnknownEvidence, unknown } from '../credentials/evidence.ts';
import { HIDDEN_PID } from '../credentials/hidden.ts';
import { PeerError } from '../errors.ts';
import { NO_ID } from '../ids.ts';
import { type IdView, idView } from '../sys/id-view.ts';
import { TooLarge } from '../sys/kernel-record.ts';
import { ownNamespace } from '../sys/namespaces.ts';
import type { Outcome } from '../sys/outcome.ts';
import type { ProcessIdWords, ProcessInfo } from '../sys/pidfd.ts';
import { namespaceNumber } from './description.ts';
import { type Fact, fact } from './graded.ts';
import type { PidfdAnswer, Pin } from './pin.ts';
import type { ProcessFiles } from './process-files.ts';
import { type Capabilities, parseStatus, type StatusText } from './status-text.ts';

/** All ids of a process; each absent where a namespace hides it. */
export interface ProcessIds {
  readonly realUid?: number;
  readonly effectiveUid?: number;
  readonly savedUid?: number;
  readonly filesystemUid?: number;
  readonly realGid?: number;
  readonly effectiveGid?: number;
  readonly savedGid?: number;
  readonly filesystemGid?: number;
}

/** How a process ended: with a status, or by a signal. */
export type ExitStatus =
  | { readonly code: number; readonly signal?: never }
  | { readonly signal: number; readonly code?: never };

/** A user namespace: user_namespaces(7). */
export interface UserNamespace {
  /** Its inode number, unique while it exists. */
  readonly number: number;
  /** Capabilities in one below ours are none over us; `other` is above ours, beside it, or not to be told. */
  readonly relation: 'ours' | 'below' | 'other';
}

/** A process at the moment of asking. */
export interface ProcessState {
  readonly alive: boolean;
  readonly ids: Fact<ProcessIds>;
  /** Supplementary groups and the effective one, ascending. Complete, or not known. */
  readonly groups: Fact<readonly number[]>;
  readonly capabilities: Fact<Capabilities>;
  /** In which its capabilities count. */
  readonly userNamespace: Fact<UserNamespace>;
  /** In our pid namespace; 0 of a process that none started: the first one, and the kernel's threads. The number only; by the time it is read it may be another process's. */
  readonly parent: Fact<number>;
  /** Inode of its cgroup's directory in the unified hierarchy; also of a process that has ended. */
  readonly cgroup: Fact<bigint>;
  readonly exit: Fact<ExitStatus>;
}

const ENDED = unknown('gone', 'the process has ended');
const NOT_ENDED = unknown('not-provided', 'the process has not ended');
const NOT_WAITED_FOR = unknown(
  'not-provided',
  'the process has ended, and how is told once its parent has waited for it',
);
const NO_EXIT = unknown(
  'unsupported',
  'how it ended is told by Linux 6.15 and later, once somebody waited for it',
);
const NO_INFO = unknown('unsupported', 'no answer to PIDFD_GET_INFO on this system (Linux 6.13)');
const NO_PARENT = unknown('hidden', 'its parent is not in our pid namespace');
/** Its number is the same on every machine: PROC_PID_INIT_INO of the kernel, Linux 3.8. */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]';
const NO_CGROUP = unknown('not-provided', 'the kernel names no cgroup of the process');
const HIDDEN_GROUP = unknown(
  'hidden',
  'a group has no mapping in our user namespace, and a partial list would be a lie',
);
const UNREADABLE = unknown('refused', 'the status of the process could not be read');
const NAMESPACE_UNTOLD = unknown('refused', 'reading its namespaces needs the right to trace the process');
const NO_NAMESPACE = unknown('unsupported', 'this kernel shows no user namespaces');

function refusal({ kind, errno }: Outcome): UnknownEvidence {
  if (kind === 'unsupported') return NO_INFO;
  if (kind === 'hidden') return HIDDEN_PID;
  if (errno === 'ESRCH') return ENDED;
  return unknown('refused', `PIDFD_GET_INFO: ${errno ?? kind}`);
}

/** Leaves out what may stand for an id that our namespace does not show. */
function visible(ids: Required<ProcessIds>, view: IdView): ProcessIds {
  const seen: Record<string, number> = {};
  for (const [name, id] of Object.entries(ids)) {
    const overflow = name.endsWith('Uid') ? view.overflowUid : view.overflowGid;
    if (id !== overflow && id !== NO_ID) seen[name] = id;
  }
  return Object.freeze(seen);
}

function idsOfWords(words: ProcessIdWords): Required<ProcessIds> {
  const { pid: _pid, parent: _parent, ...ids } = words;
  return ids;
}

function idsOfStatus({ uids, gids }: StatusText): Required<ProcessIds> | undefined {
  const [realUid, effectiveUid, savedUid, filesystemUid] = uids ?? [];
  const [realGid, effectiveGid, savedGid, filesystemGid] = gids ?? [];
  if (
    realUid === undefined ||
    effectiveUid === undefined ||
    savedUid === undefined ||
    filesystemUid === undefined ||
    realGid === undefined ||
    effectiveGid === undefined ||
    savedGid === undefined ||
    filesystemGid === undefined
  ) {
    return undefined;
  }
  return { realUid, effectiveUid, savedUid, filesystemUid, realGid, effectiveGid, savedGid, filesystemGid };
}

function groupsOf({ groups, gids }: StatusText, view: IdView, pin: Pin): Fact<readonly number[]> {
  const effective = gids?.[1];
  if (groups === undefined || effective === undefined) return UNREADABLE;
  const all = [...new Set([...groups, effective])].sort((a, b) => a - b);
  if (all.some(gid => gid === view.overflowGid)) return HIDDEN_GROUP;
  return fact(Object.freeze(all), pin.readBinding, 'procfs status');
}

function exitStatus(status: number): ExitStatus {
  const signal = status & 0x7f;
  return Object.freeze(signal === 0 ? { code: (status >> 8) & 0xff } : { signal });
}

function userNamespaceOf(files: ProcessFiles, pin: Pin): Fact<UserNamespace> {
  try {
    const link = files.link('ns/user');
    const number = namespaceNumber('user', link);
    if (number === undefined) return NO_NAMESPACE;
    const ours = ownNamespace('user');
    const relation =
      link === ours ? 'ours' : ours !== undefined && files.isBelowOurs('ns/user') ? 'below' : 'other';
    return fact(Object.freeze({ number, relation }), pin.readBinding, 'procfs ns');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return NAMESPACE_UNTOLD;
    if (code === 'ENOENT') return NO_NAMESPACE;
    throw error;
  }
}

interface FromFiles {
  readonly status: StatusText;
  readonly userNamespace: Fact<UserNamespace>;
}

/** What the files say, all of it of one moment, or why they cannot be had. */
function readFiles(pin: Pin): FromFiles | { readonly missing: UnknownEvidence } {
  try {
    return pin.read(files => ({
      status: parseStatus(files.text('status')),
      userNamespace: userNamespaceOf(files, pin),
    }));
  } catch (error) {
    if (!(error instanceof PeerError)) return { missing: UNREADABLE };
    if (error instanceof TooLarge) return { missing: unknown('refused', error.message) };
    if (error.code === 'ERR_PEER_GONE') return { missing: ENDED };
    if (error.code === 'ERR_PEER_RACED') {
      return { missing: unknown('raced', 'the process changed or ended while it was read') };
    }
    if (error.code === 'ERR_PEER_PROCESS') return { missing: unknown('hidden', error.message) };
    throw error;
  }
}

function idsFact(
  info: ProcessInfo,
  fallback: UnknownEvidence,
  status: StatusText | undefined,
  pin: Pin,
): Fact<ProcessIds> {
  if (info.ids !== undefined) {
    return fact(visible(idsOfWords(info.ids), idView()), pin.binding, 'PIDFD_GET_INFO');
  }
  const ids = status === undefined ? undefined : idsOfStatus(status);
  return ids === undefined ? fallback : fact(visible(ids, idView()), pin.readBinding, 'procfs status');
}

/** The process as it is at this moment. */
export function processState(pin: Pin): ProcessState {
  const answer = pin.info();
  const info: ProcessInfo = 'refused' in answer ? {} : answer;
  const untold = 'refused' in answer ? refusal(answer.refused) : undefined;
  const read = readFiles(pin);
  const status = 'status' in read ? read.status : undefined;
  const missing = 'missing' in read ? read.missing : UNREADABLE;
  const alive = !pin.ended();
  // Before Linux 7.0 a process that cannot be seen is answered like one that is gone.
  const fallback = !alive ? ENDED : untold === undefined || untold === ENDED ? HIDDEN_PID : untold;
  return Object.freeze({
    alive,
    ids: idsFact(info, fallback, status, pin),
    groups: status === undefined ? missing : groupsOf(status, idView(), pin),
    capabilities:
      status?.capabilities === undefined
        ? missing
        : fact(Object.freeze(status.capabilities), pin.readBinding, 'procfs status'),
    userNamespace: 'missing' in read ? missing : read.userNamespace,
    parent: parentFact(info, fallback, pin),
    cgroup:
      info.cgroup === undefined
        ? untold === undefined
          ? NO_CGROUP
          : fallback
        : fact(info.cgroup, pin.binding, 'PIDFD_GET_INFO'),
    exit: exitFact(answer, alive, pin),
  });
}

/** How the process ended, by one question. */
export function exitOf(pin: Pin): Fact<ExitStatus> {
  // In this order: what ended between the two has not been told of as such.
  const alive = !pin.ended();
  return exitFact(pin.info(), alive, pin);
}

function parentFact(info: ProcessInfo, fallback: UnknownEvidence, pin: Pin): Fact<number> {
  if (info.ids === undefined) return fallback;
  // In the first pid namespace everybody can be seen: 0 is nobody.
  if (info.ids.parent === 0 && ownNamespace('pid') !== FIRST_PID_NAMESPACE) return NO_PARENT;
  return fact(info.ids.parent, pin.binding, 'PIDFD_GET_INFO');
}

function exitFact(answer: PidfdAnswer, alive: boolean, pin: Pin): Fact<ExitStatus> {
  if ('refused' in answer) {
    if (alive) return NOT_ENDED;
    return answer.refused.kind === 'hidden' ? HIDDEN_PID : NO_EXIT;
  }
  if (answer.waitStatus !== undefined) {
    return fact(exitStatus(answer.waitStatus), pin.binding, 'PIDFD_GET_INFO');
  }
  if (alive) return NOT_ENDED;
  return answer.ids === undefined ? NO_EXIT : NOT_WAITED_FOR;
}
