import type { DeviceReadings, DeviceStory } from '#console/api/devices.ts';
import { LIMITS } from '#contract/limits.ts';
import type { Reading } from '#contract/reading.ts';
import { lookBack, type ReadStore } from './look-back.ts';

/** Readings that are looked through for gaps. */
export const GAPS_AMONG = 1_000;

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
  signal?: AbortSignal,
): Promise<DeviceReadings> {
  const isMeant = (reading: Reading): boolean => schema === undefined || reading.schema === schema;
  let found: Reading[] = [];
  if (fromMs === undefined && toMs === undefined) {
    const newest = await store.latest(device, schema === undefined ? limit : LIMITS.readingsPerQuery);
    found = newest.filter(isMeant);
  } else {
    await lookBack(store, device, {
      fromMs: fromMs ?? 0,
      toMs: toMs ?? Number.POSITIVE_INFINITY,
      signal,
      take: (reading) => {
        if (isMeant(reading)) found.push(reading);
        if (found.length > 8 * limit) found = newestFirst(found).slice(0, limit);
      },
      isEnough: () => found.length >= limit,
    });
  }
  return {
    readings: newestFirst(found)
      .slice(0, limit)
      .map(({ schema: name, ts, seq, values }) => ({ schema: name, ts, seq: seq ?? null, values })),
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
