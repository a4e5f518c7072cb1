import type { MetricSamples, ProcessSample } from '#console/server/metric-samples.ts';

/** The numbers of the flow at one moment, over all processes. `undefined` = nobody tells. */
export interface FlowSample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly processes: readonly ProcessSample[];
  readonly gateway:
    | {
        readonly decoded: number;
        readonly appended: number;
        readonly deadLettered: number;
        readonly unconfirmed: number;
        /** Readings of which the books of single processes say nothing, altogether. */
        readonly unaccounted: number;
        readonly connected: number;
        readonly known: number;
        readonly silent: number;
        readonly paused: number;
        readonly inflightMessages: number;
        readonly inflightBytes: number;
        /** Gateways, each with bounds of its own. */
        readonly processes: number;
      }
    | undefined;
  readonly writer:
    | {
        readonly consumed: number;
        readonly stored: number;
        readonly deadLettered: number;
        readonly unaccounted: number;
      }
    | undefined;
  readonly lagRecords: number | undefined;
  readonly lagSeconds: number | undefined;
  readonly pending: number | undefined;
  /** Acknowledgements so far, by upper bound in seconds, ascending; each count holds those before it. */
  readonly acknowledged: readonly (readonly [le: number, count: number])[];
}

export function flowSampleOf(at: number, processes: readonly ProcessSample[]): FlowSample {
  const all = processes.flatMap(({ samples }) => (samples === undefined ? [] : [samples]));
  const gateways = all.flatMap((samples) => {
    const decoded = samples.sum('ingest_readings_decoded_total');
    if (decoded === undefined) return [];
    const appended = samples.sum('ingest_readings_appended_total') ?? 0;
    const deadLettered = samples.sum('ingest_dead_letters_total') ?? 0;
    const unconfirmed = samples.sum('ingest_readings_unconfirmed') ?? 0;
    const unaccounted = Math.abs(decoded - appended - deadLettered - unconfirmed);
    return [{ samples, decoded, appended, deadLettered, unconfirmed, unaccounted }];
  });
  const writers = all.flatMap((samples) => {
    const consumed = samples.sum('writer_readings_consumed_total');
    if (consumed === undefined) return [];
    const stored = samples.sum('writer_readings_stored_total') ?? 0;
    const deadLettered = samples.sum('writer_dead_letters_total') ?? 0;
    return [{ consumed, stored, deadLettered, unaccounted: Math.abs(consumed - stored - deadLettered) }];
  });
  return {
    at,
    processes,
    gateway:
      gateways.length === 0
        ? undefined
        : {
            decoded: total(gateways, ({ decoded }) => decoded),
            appended: total(gateways, ({ appended }) => appended),
            deadLettered: total(gateways, ({ deadLettered }) => deadLettered),
            unconfirmed: total(gateways, ({ unconfirmed }) => unconfirmed),
            unaccounted: total(gateways, ({ unaccounted }) => unaccounted),
            connected: total(gateways, ({ samples }) => samples.sum('ingest_connected_devices') ?? 0),
            ...silenceOf(gateways.map(({ samples }) => samples)),
            paused: total(gateways, ({ samples }) => samples.sum('ingest_paused_devices') ?? 0),
            inflightMessages: total(gateways, ({ samples }) => samples.sum('ingest_inflight_messages') ?? 0),
            inflightBytes: total(gateways, ({ samples }) => samples.sum('ingest_inflight_bytes') ?? 0),
            processes: gateways.length,
          },
    writer:
      writers.length === 0
        ? undefined
        : {
            consumed: total(writers, ({ consumed }) => consumed),
            stored: total(writers, ({ stored }) => stored),
            deadLettered: total(writers, ({ deadLettered }) => deadLettered),
            unaccounted: total(writers, ({ unaccounted }) => unaccounted),
          },
    ...lagOf(all),
    pending: most(all.map((samples) => samples.sum('dead_letters_pending'))),
    acknowledged: acknowledgedOf(all),
  };
}

/** Gateways share a credentials file, and each hears its own part: heard is known − silent. */
function silenceOf(gateways: readonly MetricSamples[]): { readonly known: number; readonly silent: number } {
  const known = gateways.map((samples) => samples.sum('ingest_devices_known') ?? 0);
  const silent = gateways.map((samples) => samples.sum('ingest_devices_silent') ?? 0);
  const heard = total(known, (count) => count) - total(silent, (count) => count);
  const all = Math.max(0, ...known);
  return { known: all, silent: Math.max(0, all - heard) };
}

/** Several monitors may tell the same: the larger one of each partition counts. */
function lagOf(all: readonly MetricSamples[]): Pick<FlowSample, 'lagRecords' | 'lagSeconds'> {
  const records = new Map<string, number>();
  for (const samples of all) {
    for (const { labels, value } of samples.of('kafka_consumergroup_lag')) {
      const key = `${labels['consumergroup']} ${labels['topic']} ${labels['partition']}`;
      records.set(key, Math.max(records.get(key) ?? 0, value));
    }
  }
  return {
    lagRecords: records.size === 0 ? undefined : total([...records.values()], (value) => value),
    lagSeconds: most(all.map((samples) => samples.max('kafka_consumergroup_lag_seconds'))),
  };
}

function acknowledgedOf(all: readonly MetricSamples[]): FlowSample['acknowledged'] {
  const counts = new Map<number, number>();
  for (const samples of all) {
    for (const { labels, value } of samples.of('ingest_ack_seconds_bucket')) {
      const le = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le']);
      counts.set(le, (counts.get(le) ?? 0) + value);
    }
  }
  return [...counts].sort(([a], [b]) => a - b);
}

function total<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}

function most(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/**
 * The quantile of what came between two samples, in milliseconds, as `histogram_quantile` estimates it: evenly within a bucket;
 * beyond the last bound it is that bound. `null` when nothing came.
 */
export function quantileMs(quantile: number, before: FlowSample, now: FlowSample): number | null {
  const earlier = new Map(before.acknowledged);
  const buckets = now.acknowledged.map(([le, count]) => [le, count - (earlier.get(le) ?? 0)] as const);
  const all = buckets.at(-1)?.[1] ?? 0;
  if (all <= 0) return null;
  const rank = quantile * all;
  let [lower, below] = [0, 0];
  for (const [le, count] of buckets) {
    if (count >= rank) {
      if (!Number.isFinite(le)) return lower * 1000;
      const within = count === below ? 0 : (rank - below) / (count - below);
      return (lower + (le - lower) * within) * 1000;
    }
    [lower, below] = [le, count];
  }
  return lower * 1000;
}
