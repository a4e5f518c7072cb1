import type { DeviceReadings, DeviceSeries, DeviceStory } from '#console/api/devices.ts';
import { LIMITS } from '#contract/limits.ts';
import type { Reading } from '#contract/reading.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';

/** Readings that one chart is made of, at most: a walk of a second or so. */
const LOOKED_AT = 200_000;
const HOUR_MS = 60 * 60 * 1000;
/** Readings that are looked through for gaps. */
export const GAPS_AMONG = 1_000;

type ReadStore = Pick<TelemetryStore, 'latest' | 'scan'>;

export interface ReadingsQuery {
  readonly schema: string | undefined;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  readonly limit: number;
}

/** The newest first. @throws PipelineError `store-unavailable` */
export async function readingsOf(
  store: ReadStore,
  device: string,
  { schema, fromMs, toMs, limit }: ReadingsQuery,
): Promise<DeviceReadings> {
  const isMeant = (reading: Reading): boolean => schema === undefined || reading.schema === schema;
  let found: Reading[] = [];
  if (fromMs === undefined && toMs === undefined) {
    const newest = await store.latest(device, schema === undefined ? limit : LIMITS.readingsPerQuery);
    found = newest.filter(isMeant);
  } else {
    const range = { fromMs: fromMs ?? 0, toMs: toMs ?? Number.MAX_SAFE_INTEGER, deviceIds: [device] };
    let looked = 0;
    for await (const reading of store.scan(range)) {
      if (isMeant(reading)) found.push(reading);
      if (found.length > 4 * limit) found = newestFirst(found).slice(0, limit);
      if (++looked >= LOOKED_AT) break;
    }
  }
  return {
    readings: newestFirst(found)
      .slice(0, limit)
      .map(({ schema: name, ts, seq, values }) => ({ schema: name, ts, seq: seq ?? null, values })),
  };
}

export interface SeriesQuery {
  readonly schema: string;
  readonly field: string;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  readonly points: number;
}

/**
 * One field of a device over time. As many readings as `points` are given one by one; of more, each point stands for a part of
 * the time, with mean, lowest and highest. The span is the hour before the newest reading, unless it is said.
 *
 * @throws PipelineError `store-unavailable`
 */
export async function seriesOf(
  store: ReadStore,
  schemas: SchemaRegistry,
  device: string,
  { schema, field, points, ...span }: SeriesQuery,
): Promise<DeviceSeries> {
  const [newest] = span.toMs === undefined ? await store.latest(device, 1) : [];
  const toMs = span.toMs ?? (newest?.ts ?? 0) + 1;
  const fromMs = span.fromMs ?? toMs - HOUR_MS;
  const single: (readonly [ts: number, value: number])[] = [];
  const width = Math.max(1, (toMs - fromMs) / points);
  const parts = new Map<number, { sum: number; count: number; min: number; max: number }>();
  let looked = 0;
  for await (const reading of store.scan({ fromMs, toMs, deviceIds: [device] })) {
    if (++looked > LOOKED_AT) break;
    const value = reading.schema === schema ? numberOf(reading.values[field]) : undefined;
    if (value === undefined) continue;
    if (single.length <= points) single.push([reading.ts, value]);
    const place = Math.floor((reading.ts - fromMs) / width);
    const part = parts.get(place) ?? { sum: 0, count: 0, min: value, max: value };
    part.sum += value;
    part.count++;
    part.min = Math.min(part.min, value);
    part.max = Math.max(part.max, value);
    parts.set(place, part);
  }
  const told =
    single.length <= points
      ? single.map(([ts, value]) => ({ ts, value, min: value, max: value }))
      : [...parts].map(([place, { sum, count, min, max }]) => ({
          ts: fromMs + (place + 0.5) * width,
          value: sum / count,
          min,
          max,
        }));
  told.sort((a, b) => a.ts - b.ts);
  return {
    schema,
    field,
    unit: schemas.get(schema)?.fields.get(field)?.unit || null,
    times: told.map(({ ts }) => ts / 1000),
    values: told.map(({ value }) => value),
    min: told.map(({ min }) => min),
    max: told.map(({ max }) => max),
    truncated: looked > LOOKED_AT,
  };
}

/**
 * Numbers that are missing between readings that follow each other in time. A number that is not larger than the one before is
 * a device that began anew.
 */
export function gapsIn(readings: readonly Reading[]): NonNullable<DeviceStory['gaps']> {
  const numbered = readings.filter(({ seq }) => seq !== undefined).toSorted((a, b) => a.ts - b.ts);
  return numbered
    .slice(1)
    .flatMap((reading, index) => {
      const before = numbered[index] as Reading;
      const [last, next] = [before.seq as number, reading.seq as number];
      if (next <= last + 1) return [];
      return [{ schema: before.schema, from: last + 1, to: next - 1, missing: next - last - 1 }];
    })
    .reverse();
}

function newestFirst(readings: Reading[]): Reading[] {
  return readings.sort((a, b) => b.ts - a.ts);
}

/** What a chart can show. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' ? value : undefined;
}
