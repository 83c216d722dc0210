/** The facts that a peer's credentials carry: the kernel's, or those of a record. Pure. */

import type { CredentialField } from '../credentials/evidence.ts';
import type { PeerFacts } from '../credentials/peer-credentials.ts';
import type { Peer } from '../credentials/questions.ts';
import { type CredentialFact, type Fact, known, type OtherWitnesses, type Witnesses } from './fact.ts';

const NO_TEXT: Fact<never> = Object.freeze({
  known: false,
  reason: 'not-provided',
  detail: 'the label is no text',
});

function fieldFact<F extends CredentialField>(peer: PeerFacts, field: F): Fact<NonNullable<PeerFacts[F]>> {
  const value = peer[field];
  const evidence = peer.evidence[field];
  if (!evidence.known) return evidence;
  if (value != null) return known(value as NonNullable<PeerFacts[F]>);
  return { known: false, reason: 'disagrees', detail: 'absent against its evidence' };
}

function labelText(peer: PeerFacts): Fact<string> {
  const label = fieldFact(peer, 'label');
  if (!label.known) return label;
  return label.value.text === undefined ? NO_TEXT : known(label.value.text);
}

/** The witnesses of one decision: the peer's own facts, and others that the caller has. */
export function witnessesOf(peer: Peer, others: OtherWitnesses | undefined): Witnesses {
  const own: Pick<Witnesses, CredentialFact> = {
    uid: () => fieldFact(peer, 'uid'),
    gid: () => fieldFact(peer, 'gid'),
    groups: () => fieldFact(peer, 'groups'),
    label: () => labelText(peer),
    role: () => fieldFact(peer, 'role'),
  };
  return { ...others, ...own };
}
