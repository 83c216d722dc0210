/**
 * Numbers for Prometheus, in its text format. A few counters need no library:
 * the usual one brings a tracing interface and quantile sketches along, and reads
 * what the guard need not look at.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */

/** Only goes up. One number for each combination of labels that has happened. */
export class Counter {
  readonly name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  /** By the labels' values, which are written out when somebody asks: most are counted far more often. */
  readonly #series = new Map<string, { readonly values: readonly string[]; count: number }>();

  constructor(name: string, help: string, labels: readonly string[] = []) {
    this.name = name;
    this.#help = help;
    this.#labels = labels;
    if (labels.length === 0) this.add([], 0);
  }

  /** Adds to the number of these labels' values, in their order. */
  add(values: readonly string[] = [], count = 1): void {
    if (values.length !== this.#labels.length) throw new RangeError('a value for each label');
    const key = values.length === 1 ? (values[0] as string) : JSON.stringify(values);
    const series = this.#series.get(key);
    if (series === undefined) this.#series.set(key, { values, count });
    else series.count += count;
  }

  text(): string {
    const lines = [...this.#series.values()].map(
      ({ values, count }) => `${this.name}${seriesLabels(this.#labels, values)} ${count}\n`,
    );
    return `${heading(this.name, this.#help, 'counter')}${lines.join('')}`;
  }
}

/** A number that is asked for when somebody wants to know. */
export class Gauge {
  readonly name: string;
  readonly #help: string;
  readonly #read: () => number;

  constructor(name: string, help: string, read: () => number) {
    this.name = name;
    this.#help = help;
    this.#read = read;
  }

  text(): string {
    return `${heading(this.name, this.#help, 'gauge')}${this.name} ${this.#read()}\n`;
  }
}

function heading(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function seriesLabels(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return '';
  return `{${names.map((name, index) => `${name}="${escapeValue(values[index] ?? '')}"`).join(',')}}`;
}

/** What the guard counts. */
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
