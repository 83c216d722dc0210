/**
 * A verified peer as one line of text, for a header or a TLV, and the way back.
 * Pure. An Item of RFC 8941: the version, with each fact as a parameter, so that
 * two lines joined by a comma, as proxies and programs join headers, are no
 * Item any more. A dictionary would then give the last one's facts.
 *
 *     1;uid=1000;gid=1000;pid=4242;groups="27 1000"
 *
 * What is not known is not there, with no word in its place: a program in a
 * hurry reads `uid=hidden` as the number 0.
 */

import { CREDENTIAL_FIELDS, type Evidence, unknown } from '../credentials/evidence.ts';
import { recordedPeer, SCHEMA_VERSION } from '../credentials/json.ts';
import type { PeerCredentials, RecordedPeer } from '../credentials/peer-credentials.ts';
import { PeerTypeError } from '../errors.ts';

/** Grows by one when a reader of the old form could misread the new one. */
const VERSION = 1;

/** A line that is longer leaves out its groups, then its label. nginx takes 8 KiB for all of a header's lines. */
export const MOST_TEXT = 4096;

/** What a line says. */
export interface Said {
  readonly peer: RecordedPeer;
  readonly roles: readonly string[];
}

const ID = '(0|[1-9][0-9]{0,9})';
/** Visible ASCII but for the quote and the backslash, which would need escapes. */
const ROLE = '[!#-\\[\\]-~]+';
const LINE = new RegExp(
  `^${VERSION}(?:;uid=${ID})?(?:;gid=${ID})?(?:;pid=${ID})?(?:;groups="([0-9 ]+)")?` +
    `(?:;label=:([A-Za-z0-9+/=]+):)?(?:;roles="(${ROLE}(?: ${ROLE})*)")?$`,
);
const WHOLE_ROLE = new RegExp(`^${ROLE}$`);

function parameter(name: string, value: string | number | undefined): string {
  return value === undefined ? '' : `;${name}=${value}`;
}

function rolesText(roles: readonly string[]): string {
  for (const role of roles) {
    if (!WHOLE_ROLE.test(role)) {
      throw new PeerTypeError(
        'ERR_ARGUMENT',
        'a role that is forwarded is visible ASCII without spaces, quotes and backslashes',
      );
    }
  }
  return roles.length === 0 ? '' : `;roles="${[...new Set(roles)].join(' ')}"`;
}

/**
 * The line for a peer that connected, and the roles that it was given.
 *
 * @throws {@link PeerTypeError} `ERR_ARGUMENT` for a peer in another role, and for roles that cannot be written.
 */
export function peerText(peer: PeerCredentials | RecordedPeer, roles: readonly string[] = []): string {
  if (peer.role !== 'connector') {
    throw new PeerTypeError('ERR_ARGUMENT', 'only a peer that connected can be forwarded');
  }
  const { uid, gid, pid } = peer;
  const ids = `${VERSION}${parameter('uid', uid)}${parameter('gid', gid)}${parameter('pid', pid)}`;
  const groups = peer.groups === undefined ? '' : `;groups="${peer.groups.join(' ')}"`;
  const label = peer.label === undefined ? '' : `;label=:${btoa(String.fromCharCode(...peer.label.bytes))}:`;
  const given = rolesText(roles);
  for (const line of [`${ids}${groups}${label}${given}`, `${ids}${label}${given}`, `${ids}${given}`]) {
    if (line.length <= MOST_TEXT) return line;
  }
  throw new PeerTypeError(
    'ERR_ARGUMENT',
    `roles that are forwarded are no longer than ${MOST_TEXT} together`,
  );
}

const NOT_SAID = unknown('not-provided', 'the server in front did not say');

/** The same kernel recorded both in the same way: what was captured when is the same for both. */
function evidenceLike(forwarder: PeerCredentials, field: keyof PeerCredentials['evidence']): Evidence {
  const own = forwarder.evidence[field];
  const captured = own.known && field !== 'role' ? own.captured : undefined;
  return {
    known: true,
    about: 'connector',
    source: 'forwarded',
    ...(captured === undefined ? {} : { captured }),
  };
}

/**
 * What a line says. `forwarder` is whoever said it: verified by the caller.
 *
 * @throws an error that says what is wrong, if this is not the one line that `peerText()` makes for what it says.
 */
export function readPeerText(text: string, forwarder: PeerCredentials): Said {
  const match = text.length <= MOST_TEXT ? LINE.exec(text) : null;
  if (match === null) throw new SyntaxError(`not version ${VERSION} of a forwarded peer`);
  const [, uid, gid, pid, groups, label, roleList] = match;
  const number = (digits: string | undefined) => (digits === undefined ? undefined : Number(digits));
  const values: Readonly<Record<string, unknown>> = {
    uid: number(uid),
    gid: number(gid),
    pid: number(pid),
    groups: groups?.split(' ').map(Number),
    label: label === undefined ? undefined : { base64: label },
    role: 'connector',
  };
  const evidence = CREDENTIAL_FIELDS.map(field => [
    field,
    values[field] === undefined ? NOT_SAID : evidenceLike(forwarder, field),
  ]);
  // As strict as for any record: ids in range, groups in order and complete, a label that is one.
  const peer = recordedPeer({
    schemaVersion: SCHEMA_VERSION,
    ...values,
    evidence: Object.fromEntries(evidence),
  });
  const roles = Object.freeze(roleList?.split(' ') ?? []);
  if (peerText(peer, roles) !== text) throw new SyntaxError('not the canonical form of a forwarded peer');
  return { peer, roles };
}
