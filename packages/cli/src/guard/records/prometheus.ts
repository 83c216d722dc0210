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
