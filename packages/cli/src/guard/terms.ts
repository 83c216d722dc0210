/** What has to hold for everybody whom the policy lets in; what goes wrong is a line `failed`, and nobody comes in. */

import type { Policy } from 'sockcred/authorization';

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/**
 * The policy, on these terms: nobody is the guard itself, which would be in front of itself and connect without end; and
 * what is written of those who come in can be written.
 */
export function onTerms(policy: Policy, isWritable: () => boolean): Policy {
  return {
    facts: policy.facts,
    findings: policy.findings,
    decide(peer, others) {
      if (peer.pid === process.pid) throw failure('ELOOP', 'this guard is in front of itself');
      const decision = policy.decide(peer, others);
      if (decision.allowed && !isWritable())
        throw failure('ERR_AUDIT', 'the audit log cannot be written, and nobody is let in without');
      return decision;
    },
  };
}
