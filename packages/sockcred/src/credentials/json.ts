/**
 * The JSON form of a peer and the way back. The schema is published as
 * `sockcred/schema/peer-credentials.v1.json`. Absent fields are left out and
 * `evidence` says why; what comes back is a record, not a live answer.
 */

import { PeerTypeError } from '../errors.ts';
import { MOST_ID } from '../ids.ts';
import {
  type CaptureMoment,
  CREDENTIAL_FIELDS,
  type CredentialField,
  type Evidence,
  type EvidenceSource,
  type PeerEvidence,
  type PeerRole,
  type UnknownReason,
} from './evidence.ts';
import { type SecurityLabel, securityLabel } from './label.ts';
import type { OtherIds, PeerFacts, RecordedPeer } from './peer-credentials.ts';
import type { Peer } from './questions.ts';

/** Grows by one when a reader of the old form could misread the new one. */
export const SCHEMA_VERSION = 1;

/** A label as text where it is valid UTF-8 (without its final NUL), as base64 otherwise. */
export type LabelJson = { readonly text: string } | { readonly base64: string };

/** What `JSON.stringify` and an HTTP answer carry. */
export interface PeerJson extends Omit<PeerFacts, 'label'> {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly label?: LabelJson;
}

/**
 * The JSON form of a peer, as plain data.
 *
 * @example
 * ```ts
 * import { peerCredentials, peerToJson } from 'sockcred';
 * import type { Socket } from 'node:net';
 *
 * export const logLine = (socket: Socket) => JSON.stringify(peerToJson(peerCredentials(socket)));
 * ```
 */
export function peerToJson(peer: Peer): PeerJson {
  const { label, ...facts } = peer as PeerFacts;
  const json = { schemaVersion: SCHEMA_VERSION, ...facts } as const;
  if (label === undefined) return json;
  const { evidence, role, otherIds, zone, ...ids } = json;
  return {
    ...ids,
    label: labelToJson(label),
    ...(otherIds === undefined ? {} : { otherIds }),
    ...(zone === undefined ? {} : { zone }),
    ...(role === undefined ? {} : { role }),
    evidence,
  };
}

function labelToJson(label: SecurityLabel): LabelJson {
  if (label.text !== undefined) return { text: label.text };
  return { base64: btoa(String.fromCharCode(...label.bytes)) };
}

const ROLES: readonly PeerRole[] = ['connector', 'listener', 'creator'];
const SOURCES: readonly EvidenceSource[] = [
  'SO_PEERCRED',
  'SO_PEERGROUPS',
  'SO_PEERSEC',
  'LOCAL_PEERCRED',
  'LOCAL_PEEREID',
  'getpeereid',
  'getpeerucred',
  'socket names',
  'caller',
  'forwarded',
];
const MOMENTS: readonly CaptureMoment[] = ['connect', 'listen', 'bind', 'socketpair', 'socket', 'now'];
const REASONS: readonly UnknownReason[] = [
  'unsupported',
  'not-provided',
  'hidden',
  'gone',
  'maybe-incomplete',
  'refused',
  'ambiguous',
  'disagrees',
  'not-recorded',
  'raced',
];

type Properties = Readonly<Record<string, unknown>>;

function refuse(what: string): never {
  throw new PeerTypeError('ERR_RECORD', `not the JSON form of a peer: ${what}`);
}

function properties(value: unknown, name: string, allowed: readonly string[]): Properties {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(`${name} is no object`);
  for (const key of Object.keys(value)) {
    if (!allowed.includes(key)) refuse(`${name} has a property that does not belong there`);
  }
  return value as Properties;
}

function oneOf<T extends string>(value: unknown, name: string, allowed: readonly T[]): T {
  return allowed.find(candidate => candidate === value) ?? refuse(`${name} is none of ${allowed.join(', ')}`);
}

function integer(value: unknown, name: string, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  return refuse(`${name} is no integer from ${least} to ${most}`);
}

const id = (value: unknown, name: string): number => integer(value, name, 0, MOST_ID);

function groupList(value: unknown): readonly number[] {
  if (!Array.isArray(value)) return refuse('groups is no list');
  let last = -1;
  for (const entry of value) {
    if (id(entry, 'a group') <= last) refuse('groups is not ascending, or has duplicates');
    last = entry;
  }
  return Object.freeze([...value]);
}

function label(value: unknown): SecurityLabel {
  const { text, base64 } = properties(value, 'label', ['text', 'base64']);
  if (typeof text === 'string' && base64 === undefined) {
    const read = securityLabel(new TextEncoder().encode(text));
    return read.text === text && text !== '' ? read : refuse('label.text cannot be a label');
  }
  if (typeof base64 === 'string' && text === undefined) {
    const read = securityLabel(fromBase64(base64));
    return read.bytes.length > 0 ? read : refuse('label.base64 is empty');
  }
  return refuse('label has not exactly one of text and base64');
}

function otherIds(value: unknown): OtherIds {
  const given = properties(value, 'otherIds', ['realUid', 'savedUid', 'realGid', 'savedGid']);
  const read = (name: keyof OtherIds) => id(given[name], `otherIds.${name}`);
  return Object.freeze({
    realUid: read('realUid'),
    savedUid: read('savedUid'),
    realGid: read('realGid'),
    savedGid: read('savedGid'),
  });
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), character => character.charCodeAt(0));
  } catch {
    return refuse('label.base64 is no base64');
  }
}

function evidenceOf(value: unknown, field: CredentialField): Evidence {
  const name = `evidence.${field}`;
  const fact = properties(value, name, ['known', 'about', 'source', 'captured', 'reason', 'detail']);
  if (fact['known'] === false) {
    properties(value, name, ['known', 'reason', 'detail']);
    if (typeof fact['detail'] !== 'string') refuse(`${name}.detail is no text`);
    return Object.freeze({
      known: false,
      reason: oneOf(fact['reason'], `${name}.reason`, REASONS),
      detail: fact['detail'] as string,
    });
  }
  if (fact['known'] !== true) refuse(`${name}.known is neither true nor false`);
  properties(value, name, ['known', 'about', 'source', 'captured']);
  return Object.freeze({
    known: true,
    ...(fact['about'] === undefined ? {} : { about: oneOf(fact['about'], `${name}.about`, ROLES) }),
    source: oneOf(fact['source'], `${name}.source`, SOURCES),
    ...(fact['captured'] === undefined
      ? {}
      : { captured: oneOf(fact['captured'], `${name}.captured`, MOMENTS) }),
  });
}

function readEvidence(value: unknown): PeerEvidence {
  const given = properties(value, 'evidence', CREDENTIAL_FIELDS);
  const facts = CREDENTIAL_FIELDS.map(field => [field, evidenceOf(given[field], field)] as const);
  return Object.freeze(Object.fromEntries(facts)) as PeerEvidence;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return refuse('no JSON');
  }
}

/**
 * Reads a peer back from its JSON form, as text or already parsed. Everything
 * is checked, also that a field is there exactly when its evidence says so.
 *
 * @remarks
 * The result is as trustworthy as the place where the JSON was kept: its type
 * is not that of a live answer.
 *
 * @throws {@link PeerTypeError} `ERR_RECORD`, naming what is wrong.
 *
 * @example
 * ```ts
 * import { formatPeer, recordedPeer } from 'sockcred';
 *
 * export const show = (line: string) => formatPeer(recordedPeer(line));
 * ```
 */
export function recordedPeer(json: string | unknown): RecordedPeer {
  const given = properties(typeof json === 'string' ? parsed(json) : json, 'it', [
    'schemaVersion',
    ...CREDENTIAL_FIELDS,
    'evidence',
  ]);
  if (given['schemaVersion'] !== SCHEMA_VERSION) refuse(`schemaVersion is not ${SCHEMA_VERSION}`);
  const evidence = readEvidence(given['evidence']);
  for (const field of CREDENTIAL_FIELDS) {
    if (evidence[field].known !== (given[field] !== undefined))
      refuse(`${field} and its evidence contradict each other`);
  }
  const peer: PeerFacts = {
    ...(given['uid'] === undefined ? {} : { uid: id(given['uid'], 'uid') }),
    ...(given['gid'] === undefined ? {} : { gid: id(given['gid'], 'gid') }),
    ...(given['pid'] === undefined ? {} : { pid: integer(given['pid'], 'pid', 1, 0x7fffffff) }),
    ...(given['groups'] === undefined ? {} : { groups: groupList(given['groups']) }),
    ...(given['label'] === undefined ? {} : { label: label(given['label']) }),
    ...(given['otherIds'] === undefined ? {} : { otherIds: otherIds(given['otherIds']) }),
    ...(given['zone'] === undefined ? {} : { zone: integer(given['zone'], 'zone', 0, 0x7fffffff) }),
    ...(given['role'] === undefined ? {} : { role: oneOf(given['role'], 'role', ROLES) }),
    evidence,
  };
  if (peer.groups !== undefined && (peer.gid === undefined || !peer.groups.includes(peer.gid))) {
    refuse('groups lacks the primary group');
  }
  return Object.freeze(peer) as RecordedPeer;
}
