import type { MetricSamples } from '#console/server/metric-samples.ts';

/** What rules ask the past about. */
const SCALARS = {
  decoded: (samples) => samples.sum('ingest_readings_decoded_total'),
  letters: (samples) =>
    (samples.sum('ingest_dead_letters_total') ?? 0) + (samples.sum('writer_dead_letters_total') ?? 0),
  stored: (samples) => samples.sum('writer_readings_stored_total'),
  retries: (samples) => samples.sum('writer_write_retries_total'),
  deadline: (samples) => samples.sum('event_log_append_failures_total', { cause: 'deadline' }),
  damaged: (samples) => samples.sum('event_log_damaged_records_total'),
  connected: (samples) => samples.sum('ingest_connected_devices'),
  paused: (samples) => samples.sum('ingest_paused_devices'),
  source: (samples) => samples.min('mqtt_source_connected'),
} as const satisfies Record<string, (samples: MetricSamples) => number | undefined>;
type Scalar = keyof typeof SCALARS;

type Moment = { readonly at: number } & Readonly<Record<Scalar, number | undefined>>;

export interface StalledPartition {
  readonly topic: string;
  readonly partition: string;
  readonly lag: number;
}

const KEPT_MS = 60 * 60 * 1000;
const KEEP_EVERY_MS = 15_000;

/**
 * What a process (or all of them together) said in the last hour, as far as rules ask about it: a few numbers each fifteen
 * seconds, and since when each partition's committed offset stands where it is.
 */
export class ProblemWindow {
  /** The newest. */
  samples: MetricSamples;
  at: number;
  #moments: Moment[] = [];
  readonly #standsSince = new Map<string, { readonly offset: number; readonly at: number }>();
  /** By lag monitor: the last look that it tells of, and until when it told of another one. */
  readonly #lagLooks = new Map<string, { value: number; seenAt: number; otherUntil: number }>();

  constructor(at: number, samples: MetricSamples) {
    this.at = at;
    this.samples = samples;
    this.add(at, samples);
  }

  add(at: number, samples: MetricSamples): void {
    if (at < this.at) {
      this.#moments = [];
      this.#lagLooks.clear();
    }
    this.at = at;
    this.samples = samples;
    const last = this.#moments.at(-1);
    if (last === undefined || at - last.at >= KEEP_EVERY_MS) {
      this.#moments.push(momentOf(at, samples));
      while ((this.#moments[0] as Moment).at < at - KEPT_MS) this.#moments.shift();
    }
    for (const { labels, value } of samples.of('kafka_consumergroup_current_offset')) {
      const key = seriesKey(labels);
      if (this.#standsSince.get(key)?.offset !== value) this.#standsSince.set(key, { offset: value, at });
    }
    for (const { labels, value } of samples.of('lag_monitor_last_success_timestamp_seconds')) {
      const before = this.#lagLooks.get(labels['instance'] ?? '');
      const isAnother = before !== undefined && before.value !== value;
      const otherUntil = isAnother ? before.seenAt : (before?.otherUntil ?? -Infinity);
      this.#lagLooks.set(labels['instance'] ?? '', { value, seenAt: at, otherUntil });
    }
  }

  /**
   * Whether a lag monitor answers, and one of them told of two different looks in the last `ms`. Not by what time they say
   * it was: their clocks may be others. Nor by what all of them say together, which changes with who answers.
   */
  isLagMeasured(ms: number): boolean {
    const answers = this.samples.of('lag_monitor_last_success_timestamp_seconds').length > 0;
    return answers && [...this.#lagLooks.values()].some(({ otherUntil }) => otherUntil > this.at - ms);
  }

  /** Readings that the books of gateway and writer say nothing of. */
  get unaccounted(): number {
    const sum = (name: string): number => this.samples.sum(name) ?? 0;
    return (
      Math.abs(
        sum('ingest_readings_decoded_total') -
          sum('ingest_readings_appended_total') -
          sum('ingest_dead_letters_total') -
          sum('ingest_readings_unconfirmed'),
      ) +
      Math.abs(
        sum('writer_readings_consumed_total') -
          sum('writer_readings_stored_total') -
          sum('writer_dead_letters_total'),
      )
    );
  }

  /** By how much a counter grew from `ms` ago until `untilMs` ago; a process that began anew counts from 0. */
  increase(scalar: Scalar, ms: number, untilMs = 0): number {
    const until = untilMs === 0 ? momentOf(this.at, this.samples) : this.#newestBefore(this.at - untilMs);
    const from = this.#newestBefore(this.at - ms) ?? this.#moments[0];
    const [to, before] = [until?.[scalar], from?.[scalar]];
    if (to === undefined) return 0;
    return to < (before ?? 0) ? to : to - (before ?? to);
  }

  /** A second. */
  rate(scalar: Scalar, ms: number): number {
    const from = this.#newestBefore(this.at - ms) ?? this.#moments[0];
    const seconds = (this.at - (from?.at ?? this.at)) / 1000;
    return seconds <= 0 ? 0 : this.increase(scalar, ms) / seconds;
  }

  mean(scalar: Scalar, ms: number): number | undefined {
    const values = this.#values(scalar, ms);
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  quantile(scalar: Scalar, quantile: number, ms: number): number | undefined {
    const values = this.#values(scalar, ms).sort((a, b) => a - b);
    return values[Math.floor(quantile * (values.length - 1))];
  }

  /** Partitions with a lag of more than `lagSeconds`, whose committed offset has not moved for `forMs`. */
  stalledPartitions(lagSeconds: number, forMs: number): readonly StalledPartition[] {
    const seconds = new Map(
      this.samples
        .of('kafka_consumergroup_lag_seconds')
        .map(({ labels, value }) => [seriesKey(labels), value]),
    );
    const stalled = new Map<string, StalledPartition>();
    for (const { labels, value: lag } of this.samples.of('kafka_consumergroup_lag')) {
      const key = seriesKey(labels);
      const since = this.#standsSince.get(key)?.at ?? this.at;
      if (lag <= 0 || (seconds.get(key) ?? 0) <= lagSeconds || this.at - since < forMs) continue;
      const { consumergroup, topic = '', partition = '' } = labels;
      const place = `${consumergroup} ${topic} ${partition}`;
      // Of two monitors both may say so.
      if ((stalled.get(place)?.lag ?? 0) < lag) stalled.set(place, { topic, partition, lag });
    }
    return [...stalled.values()];
  }

  #values(scalar: Scalar, ms: number): number[] {
    const now = momentOf(this.at, this.samples);
    return [...this.#moments.filter(({ at }) => at >= this.at - ms && at < this.at), now].flatMap(
      (moment) => moment[scalar] ?? [],
    );
  }

  #newestBefore(at: number): Moment | undefined {
    return this.#moments.findLast((moment) => moment.at <= at);
  }
}

function momentOf(at: number, samples: MetricSamples): Moment {
  const values = Object.entries(SCALARS).map(([name, of]) => [name, of(samples)]);
  return { at, ...(Object.fromEntries(values) as Record<Scalar, number | undefined>) };
}

/** Of a partition, as one lag monitor sees it: another one may be stuck, and say where it stood then. */
function seriesKey({ instance, consumergroup, topic, partition }: Readonly<Record<string, string>>): string {
  return `${instance} ${consumergroup} ${topic} ${partition}`;
}
