/** What the guard counts, and what each number means. */

import { Counter, Gauge } from './prometheus.ts';

/** The numbers of one guard. */
export class GuardMetrics {
  readonly admitted: Counter = new Counter(
    'sockcred_guard_admitted_total',
    'Connections that were let in, by the rule that let them in.',
    ['rule'],
  );
  readonly denied: Counter = new Counter(
    'sockcred_guard_denied_total',
    'Connections that the policy did not let in, by reason and by the rule that decided.',
    ['reason', 'rule'],
  );
  readonly limited: Counter = new Counter(
    'sockcred_guard_limited_total',
    'Connections that ran into a limit.',
    ['limit'],
  );
  readonly failed: Counter = new Counter(
    'sockcred_guard_failed_total',
    'Connections of which nobody could be asked, or about which nothing could be decided.',
    ['code'],
  );
  readonly unserved: Counter = new Counter(
    'sockcred_guard_unserved_total',
    'Connections that were let in and could not be given to what the guard is in front of.',
    ['code'],
  );
  readonly bytes: Counter = new Counter(
    'sockcred_guard_relayed_bytes_total',
    'Bytes of connections that have ended: to the server behind, and to the client.',
    ['direction'],
  );
  readonly reloads: Counter = new Counter(
    'sockcred_guard_policy_reloads_total',
    'Times that the policy was read again: replaced, or refused and the old one kept.',
    ['result'],
  );
  readonly auditFailures: Counter = new Counter(
    'sockcred_guard_audit_failures_total',
    'Writes to the audit log that failed and are tried again, and lines that were lost.',
    ['result'],
  );
  readonly #gauges: readonly Gauge[];
  #policyIsStale = false;

  constructor(connections: () => number) {
    const started = Date.now() / 1000;
    this.#gauges = [
      new Gauge('sockcred_guard_connections', 'Connections that were let in and are open.', connections),
      new Gauge(
        'sockcred_guard_policy_stale',
        '1 while the policy file cannot be used and an older one is in force.',
        () => Number(this.#policyIsStale),
      ),
      new Gauge('sockcred_guard_start_time_seconds', 'When the guard began.', () => started),
    ];
    for (const direction of ['to_server', 'to_client']) this.bytes.add([direction], 0);
    for (const result of ['replaced', 'refused']) this.reloads.add([result], 0);
    for (const result of ['retried', 'lost']) this.auditFailures.add([result], 0);
  }

  reloaded(result: 'replaced' | 'refused'): void {
    this.reloads.add([result]);
    this.#policyIsStale = result === 'refused';
  }

  text(): string {
    const { admitted, denied, limited, failed, unserved, bytes, reloads, auditFailures } = this;
    const counters = [admitted, denied, limited, failed, unserved, bytes, reloads, auditFailures];
    return [...counters, ...this.#gauges].map(metric => metric.text()).join('');
  }
}
