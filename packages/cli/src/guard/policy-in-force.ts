/** The policy that a guard goes by: of a file, which is read again, or of its options. */

import { escapeText } from 'sockcred';
import {
  definePolicy,
  type Policy,
  type PolicyData,
  PolicyError,
  type RuleData,
} from 'sockcred/authorization';
import type { Limits } from 'sockcred/gate';
import { peerWitnesses } from 'sockcred/witnesses';
import { UsageError } from '../exit-codes.ts';
import { policyFile, remarkLine } from '../policy/policy-file.ts';
import type { GuardOptions } from './options/guard-options.ts';

/** What becomes of it. */
export interface PolicyEvents {
  replaced(): void;
  refused(error: Error): void;
  /** Something that may not be meant, as a line. */
  remark(line: string): void;
}

export interface PolicyInForce {
  readonly policy: Policy;
  /** As it was written. */
  readonly data: PolicyData;
  /** What the file says; options say more. */
  readonly limits: Limits;
  /** Reads names, our own user and the file anew. */
  reload(): 'replaced' | 'refused';
  /** Reads the file again when it changes, from now on. */
  watch(): void;
  close(): void;
}

function inlinePolicy(rules: readonly RuleData[]): Policy {
  try {
    return definePolicy({ rules }, { witnesses: peerWitnesses() });
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const lines = error.faults.map(({ path, message }) => {
      const [, index] = /^rules\[(\d+)\]/.exec(path) ?? [];
      return `${escapeText(rules[Number(index)]?.name ?? path)}: ${message}`;
    });
    throw new UsageError(lines.join('\n'));
  }
}

class OfOptions implements PolicyInForce {
  readonly limits: Limits = {};
  readonly #rules: readonly RuleData[];
  readonly #events: PolicyEvents;
  policy: Policy;

  constructor(rules: readonly RuleData[], events: PolicyEvents) {
    this.#rules = rules;
    this.#events = events;
    this.policy = inlinePolicy(rules);
    for (const { message } of this.policy.findings) events.remark(message);
  }

  reload(): 'replaced' | 'refused' {
    try {
      this.policy = inlinePolicy(this.#rules);
    } catch (error) {
      this.#events.refused(error instanceof Error ? error : new Error(String(error)));
      return 'refused';
    }
    this.#events.replaced();
    return 'replaced';
  }

  get data(): PolicyData {
    return { rules: this.#rules };
  }

  watch(): void {}

  close(): void {}
}

/** Remarks come with the first reload, which every guard begins with. */
function ofFile(file: string, events: PolicyEvents): Promise<PolicyInForce> {
  return policyFile(file, {
    replaced(loaded) {
      for (const finding of loaded.findings) events.remark(remarkLine(file, finding));
      events.replaced();
    },
    refused: error => events.refused(error),
  });
}

/** @throws what the policy file or the options have for faults. */
export async function policyInForce(who: GuardOptions['who'], events: PolicyEvents): Promise<PolicyInForce> {
  return 'file' in who ? await ofFile(who.file, events) : new OfOptions(who.rules, events);
}
