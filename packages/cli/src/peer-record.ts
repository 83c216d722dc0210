/**
 * A peer that was written down: the JSON of its credentials, all that
 * `sockcred who --json` prints, a line of a guard's audit log, or a few facts
 * (`{"uid":1000,"groups":[4]}`). Everything is checked before it is used, and what
 * has another form is as good as not there: unknown.
 */

import { closeSync, openSync, readSync } from 'node:fs';
import { escapeText, type Peer, PeerTypeError, recordedPeer } from 'sockcred';
import type { Authority, Claim, PeerCgroup } from 'sockcred/application';
import type { OtherWitnesses } from 'sockcred/authorization';
import type { Binding } from 'sockcred/process';
import { type MadeUp, madeUpPeer } from 'sockcred/testing';
import { applicationWitnesses } from 'sockcred/witnesses';
import { SystemRefusal, UsageError } from './exit-codes.ts';

export interface PeerRecord {
  readonly peer: Peer;
  /** Of `who --json`: unit, container and application, and whether the process was alive. */
  readonly others: OtherWitnesses;
}

type Properties = Readonly<Record<string, unknown>>;

const MOST_BYTES = 1024 * 1024;

function readAll(fd: number, word: string): string {
  const room = Buffer.alloc(MOST_BYTES + 1);
  let length = 0;
  for (;;) {
    const count = readSync(fd, room, length, room.length - length, null);
    if (count === 0) return room.toString('utf8', 0, length);
    length += count;
    if (length > MOST_BYTES) throw new SystemRefusal(`${escapeText(word)}: larger than ${MOST_BYTES} bytes`);
  }
}

function recordText(word: string): string {
  if (word.trimStart().startsWith('{')) return word;
  let fd = 0;
  try {
    if (word !== '-') fd = openSync(word, 'r');
    return readAll(fd, word);
  } catch (error) {
    if (error instanceof SystemRefusal) throw error;
    throw new SystemRefusal(`${escapeText(word)}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  } finally {
    if (fd !== 0) closeSync(fd);
  }
}

const isObject = (value: unknown): value is Properties =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isOneOf<T extends string>(value: unknown, words: readonly T[]): value is T {
  return words.some(word => word === value);
}

const isBinding = (value: unknown): value is Binding => isOneOf(value, ['kernel', 'pinned', 'pid-only']);

const isAuthority = (value: unknown): value is Authority =>
  isObject(value) &&
  isOneOf(value['of'], ['kernel', 'root', 'user', 'self']) &&
  (value['uid'] === undefined || Number.isInteger(value['uid']));

const isSegment = (value: unknown): value is PeerCgroup['segments'][number] =>
  isObject(value) && typeof value['name'] === 'string' && isAuthority(value['authority']);

/** As far as policies look at it. */
const isCgroup = (value: unknown): value is PeerCgroup =>
  isObject(value) &&
  isBinding(value['binding']) &&
  Array.isArray(value['segments']) &&
  value['segments'].every(isSegment);

/** As far as policies look at it. */
const isClaim = (value: unknown): value is Claim =>
  isObject(value) &&
  typeof value['engine'] === 'string' &&
  isBinding(value['binding']) &&
  isAuthority(value['authority']) &&
  (value['applicationId'] === undefined || typeof value['applicationId'] === 'string');

function ofApplication(application: unknown): OtherWitnesses {
  if (!isObject(application)) return {};
  const { claims, cgroup } = application;
  if (!Array.isArray(claims) || !claims.every(isClaim) || !isCgroup(cgroup)) return {};
  return applicationWitnesses({ claims, cgroup });
}

function ofProcess(process: unknown): OtherWitnesses {
  const state = isObject(process) ? process['state'] : undefined;
  const alive = isObject(state) ? state['alive'] : undefined;
  return typeof alive === 'boolean' ? { alive: () => ({ known: true, value: alive }) } : {};
}

/** Facts without evidence are somebody made up, which is as good for a trial. */
function credentialsOf(json: unknown): Peer {
  if (isObject(json) && Object.keys(json).length === 0)
    throw new UsageError('--peer: there is nothing in it');
  try {
    const bare = isObject(json) && !('schemaVersion' in json) && !('evidence' in json);
    return bare ? madeUpPeer(json as MadeUp) : recordedPeer(json);
  } catch (error) {
    if (!(error instanceof PeerTypeError) && !(error instanceof TypeError)) throw error;
    throw new UsageError(`--peer: ${error.message}`);
  }
}

/**
 * Reads a record: JSON itself, a file of it, or `-` for what comes on stdin.
 *
 * @throws {@link UsageError} and {@link SystemRefusal}
 */
export function readRecord(word: string): PeerRecord {
  let json: unknown;
  try {
    json = JSON.parse(recordText(word));
  } catch (error) {
    if (error instanceof SystemRefusal) throw error;
    throw new UsageError('--peer: this is no JSON');
  }
  if (isObject(json) && 'event' in json) {
    if (!('peer' in json)) throw new UsageError('--peer: this line of an audit log is about no peer');
    return { peer: credentialsOf(json['peer']), others: {} };
  }
  if (!isObject(json) || !('process' in json || 'credentials' in json)) {
    return { peer: credentialsOf(json), others: {} };
  }
  const { credentials, process, application } = json;
  if (credentials === undefined) {
    throw new UsageError('--peer: there are no credentials in it; of a process, test its PID');
  }
  return {
    peer: credentialsOf(credentials),
    others: { ...ofProcess(process), ...ofApplication(application) },
  };
}
