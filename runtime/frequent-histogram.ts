import type { Metric, Registry } from 'prom-client';

/**
 * A histogram without labels, of values that come with every message: prom-client's makes two objects of each and looks
 * up its labels. Told to a registry alike.
 */
export class FrequentHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  /** Upper bounds, rising. */
  readonly #bounds: readonly number[];
  /** Values up to each bound and above the one before, and those above all. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(options: {
    readonly name: string;
    readonly help: string;
    readonly buckets: readonly number[];
    readonly registers: readonly Registry[];
  }) {
    this.name = options.name;
    this.help = options.help;
    this.#bounds = options.buckets;
    this.#counts = new Float64Array(options.buckets.length + 1);
    for (const registry of options.registers) registry.registerMetric(this as unknown as Metric);
  }

  /** @throws TypeError for what is no finite number, like prom-client */
  observe(value: number): void {
    if (!Number.isFinite(value)) throw new TypeError(`Value is not a valid number: ${value}`);
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#sum = 0;
  }

  /** As a registry asks for it. */
  async get() {
    const { name, help, type, aggregator } = this;
    const values: { metricName: string; labels: { le?: number | string }; value: number }[] = [];
    let count = 0;
    for (const [bucket, le] of [...this.#bounds, '+Inf'].entries()) {
      count += this.#counts[bucket] as number;
      values.push({ metricName: `${name}_bucket`, labels: { le }, value: count });
    }
    values.push({ metricName: `${name}_sum`, labels: {}, value: this.#sum });
    values.push({ metricName: `${name}_count`, labels: {}, value: count });
    return { name, help, type, values, aggregator };
  }
}
