import type { Registry } from 'prom-client';

/** The series of one metric at one moment. */
export type Series = readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];

/** What a process exports at one moment: series by their names, those of histograms by `_bucket`, `_sum`, `_count`. */
export class MetricSamples {
  readonly #series = new Map<string, { labels: Readonly<Record<string, string>>; value: number }[]>();

  add(name: string, labels: Readonly<Record<string, string>>, value: number): void {
    const known = this.#series.get(name);
    if (known === undefined) this.#series.set(name, [{ labels, value }]);
    else known.push({ labels, value });
  }

  /** All that several processes export, as if it was one; the label `instance` says whose a series is, as in Prometheus. */
  static merged(processes: readonly ProcessSample[]): MetricSamples {
    const merged = new MetricSamples();
    for (const { name: instance, samples } of processes) {
      if (samples === undefined) continue;
      for (const [name, series] of samples.#series) {
        for (const { labels, value } of series) merged.add(name, { ...labels, instance }, value);
      }
    }
    return merged;
  }

  of(name: string): Series {
    return this.#series.get(name) ?? [];
  }

  /** `undefined` = it exports none of them. */
  sum(name: string, chosen: Readonly<Record<string, string>> = {}): number | undefined {
    return reduced(this.#chosen(name, chosen), (a, b) => a + b);
  }

  max(name: string, chosen: Readonly<Record<string, string>> = {}): number | undefined {
    return reduced(this.#chosen(name, chosen), Math.max);
  }

  min(name: string): number | undefined {
    return reduced(this.#chosen(name, {}), Math.min);
  }

  #chosen(name: string, chosen: Readonly<Record<string, string>>): number[] {
    return this.of(name)
      .filter(({ labels }) => Object.entries(chosen).every(([label, value]) => labels[label] === value))
      .map(({ value }) => value);
  }
}

/** One process at one moment. */
export interface ProcessSample {
  readonly name: string;
  /** `undefined` = it does not answer. */
  readonly samples: MetricSamples | undefined;
  readonly detail: string | undefined;
}

/** Where the numbers of all processes come from. */
export type TakeSamples = () => Promise<readonly ProcessSample[]>;

function reduced(values: readonly number[], by: (a: number, b: number) => number): number | undefined {
  return values.length === 0 ? undefined : values.reduce((a, b) => by(a, b));
}

/** Takes one sample of our own metrics. All in one turn of the event loop, so that sums of them belong together. */
export async function samplesOf(registry: Registry, wanted: ReadonlySet<string>): Promise<MetricSamples> {
  const samples = new MetricSamples();
  for (const name of wanted) {
    const metric = await registry.getSingleMetric(name)?.get();
    for (const value of metric?.values ?? [])
      samples.add(
        (value as { readonly metricName?: string }).metricName ?? name,
        Object.fromEntries(Object.entries(value.labels).map(([label, text]) => [label, String(text)])),
        value.value,
      );
  }
  return samples;
}

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Reads the text of another process's `/metrics`; of histograms too, what is wanted by the name of the metric. */
export function parseMetrics(text: string, wanted: ReadonlySet<string>): MetricSamples {
  const samples = new MetricSamples();
  for (const line of text.split('\n')) {
    const [, name = '', labels = '', value = ''] = LINE.exec(line) ?? [];
    if (!wanted.has(name) && !wanted.has(name.replace(/_(bucket|sum|count)$/, ''))) continue;
    samples.add(
      name,
      Object.fromEntries([...labels.matchAll(LABEL)].map(([, label, text = '']) => [label, unescaped(text)])),
      Number(value.replace('Inf', 'Infinity')),
    );
  }
  return samples;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
