/**
 * Peers that are made up, for the tests of programs that use this library.
 * Nobody vouches for them but the test: their evidence says `caller`. There is
 * no way to get one but to import this module and call it; no option,
 * environment variable or state of the library turns a real question into one.
 */

import type { PeerRole } from '../credentials/evidence.ts';
import { CREDENTIAL_FIELDS, type CredentialField, type Evidence, unknown } from '../credentials/evidence.ts';
import { recordedPeer, SCHEMA_VERSION } from '../credentials/json.ts';
import type { PeerCredentials } from '../credentials/peer-credentials.ts';

/** What is to be known of a made-up peer; everything else is unknown. */
export interface MadeUp {
  readonly uid?: number;
  /** Default: unknown; the first of `groups` where these are given. */
  readonly gid?: number;
  readonly pid?: number;
  /** All groups, the primary one among them. */
  readonly groups?: readonly number[];
  readonly label?: string;
  /** Default: `connector`. */
  readonly role?: PeerRole;
}

const MADE_UP: Evidence = Object.freeze({ known: true, source: 'caller' });
const NOT_MADE_UP = unknown('not-recorded', 'this peer is made up, without it');

/**
 * A peer of whom exactly this is known, as if the kernel had said so.
 *
 * @remarks
 * Trust: none; for tests. It has the type of a live answer, so that code under test takes it.
 *
 * @throws {@link PeerTypeError} `ERR_RECORD` for what no peer can have.
 *
 * @example
 * ```ts
 * import { inGroup, isUser } from 'sockcred';
 * import { madeUpPeer } from 'sockcred/testing';
 *
 * const peer = madeUpPeer({ uid: 1000, groups: [27, 1000], gid: 1000 });
 * console.log(isUser(peer, 1000), inGroup(peer, 27), inGroup(madeUpPeer({}), 27)); // true true false
 * ```
 */
export function madeUpPeer(facts: MadeUp): PeerCredentials {
  const { label, ...rest } = facts;
  const groups = facts.groups === undefined ? undefined : [...new Set(facts.groups)].sort((a, b) => a - b);
  const gid = facts.gid ?? facts.groups?.[0];
  const values: Record<string, unknown> = {
    ...rest,
    ...(gid === undefined ? {} : { gid }),
    ...(groups === undefined ? {} : { groups }),
    ...(label === undefined ? {} : { label: { text: label } }),
    role: facts.role ?? 'connector',
  };
  const evidence = Object.fromEntries(
    CREDENTIAL_FIELDS.map((field: CredentialField) => [
      field,
      values[field] === undefined ? NOT_MADE_UP : MADE_UP,
    ]),
  );
  // Read like any record, so that a test cannot make up what no kernel could have said.
  return recordedPeer({ schemaVersion: SCHEMA_VERSION, ...values, evidence }) as unknown as PeerCredentials;
}
