/**
 * The facts of one decision: the peer's own from its credentials, the others from
 * whoever can tell them. Pure. Each is asked for at most once, so that two rules
 * can never see different ones.
 */

import type { CredentialField } from '../credentials/evidence.ts';
import type { PeerFacts } from '../credentials/peer-credentials.ts';
import type { Peer } from '../credentials/questions.ts';
import {
  type Fact,
  type FactName,
  type FactsOfPeer,
  type FactValues,
  known,
  type OtherWitnesses,
  type UnknownFact,
} from './fact.ts';

const NO_WITNESS: UnknownFact = Object.freeze({
  known: false,
  reason: 'unsupported',
  detail: 'nothing that was asked can tell this',
});

const NO_TEXT: UnknownFact = Object.freeze({
  known: false,
  reason: 'not-provided',
  detail: 'the label is no text',
});

const CONTRADICTION: UnknownFact = Object.freeze({
  known: false,
  reason: 'disagrees',
  detail: 'absent against its evidence',
});

type AnyFact = Fact<FactValues[FactName]>;

export class Subject implements FactsOfPeer {
  readonly #peer: PeerFacts;
  readonly #others: OtherWitnesses | undefined;
  readonly #heard = new Map<FactName, AnyFact>();

  constructor(peer: Peer, others: OtherWitnesses | undefined) {
    this.#peer = peer;
    this.#others = others;
  }

  fact<N extends FactName>(name: N): Fact<FactValues[N]> {
    let fact = this.#heard.get(name);
    if (fact === undefined) {
      fact = this.#find(name);
      this.#heard.set(name, fact);
    }
    return fact as Fact<FactValues[N]>;
  }

  /** No other witness is heard about what the credentials tell. */
  #find(name: FactName): AnyFact {
    switch (name) {
      case 'uid':
      case 'gid':
      case 'groups':
      case 'role':
        return ownFact(this.#peer, name);
      case 'label':
        return labelText(this.#peer);
      default:
        return ask(this.#others?.[name]);
    }
  }
}

function ownFact<F extends CredentialField>(peer: PeerFacts, field: F): Fact<NonNullable<PeerFacts[F]>> {
  const value = peer[field];
  const evidence = peer.evidence[field];
  if (!evidence.known) return evidence;
  return value == null ? CONTRADICTION : known(value as NonNullable<PeerFacts[F]>);
}

function labelText(peer: PeerFacts): Fact<string> {
  const label = ownFact(peer, 'label');
  if (!label.known) return label;
  return label.value.text === undefined ? NO_TEXT : known(label.value.text);
}

/** A witness that fails has told nothing: never an error, which could be taken for a reason to let somebody in. */
function ask(witness: (() => AnyFact) | undefined): AnyFact {
  if (witness === undefined) return NO_WITNESS;
  try {
    const fact: AnyFact | undefined = witness();
    if (fact?.known === true && fact.value !== undefined) return fact;
    if (fact?.known === false) return fact;
    return { known: false, reason: 'refused', detail: 'the witness gave no fact' };
  } catch (error) {
    const what = error instanceof Error ? error.message : 'no error';
    return { known: false, reason: 'refused', detail: `the witness failed: ${what}` };
  }
}
