import { TimeSlice } from '#runtime/time-slice.ts';
import type { StoredReading, TelemetryStore } from '#telemetry-store/telemetry-store.ts';

/** Readings that one question is answered from, at most: a walk of a second or so. */
const LOOKED_AT = 200_000;
/** The newest part of a span, which is looked at first; each further one is twice as long, while readings are few. */
const FIRST_PART_MS = 60_000;
/** Of one part, which is held until all of it has come. */
const READINGS_OF_PART = 20_000;
/** How much shorter a part becomes that has more: a second of a burst within a year is found by seven looks in vain. */
const NARROWER = 16;

export type ReadStore = Pick<TelemetryStore, 'latest' | 'scan'>;

export interface LookBack {
  readonly fromMs: number;
  /** Not included. */
  readonly toMs: number;
  readonly take: (reading: StoredReading) => void;
  /** Asked after each part. */
  readonly isEnough?: () => boolean;
  /** Nobody waits for it any more. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Hands over the readings of a device in a span, the newest part first: a store streams them in no promised order, and of a long
 * span there may be more than can be looked at. Of a part that has too many, a shorter one is asked for. Rests in between: in
 * `npm start` devices share the event loop with it.
 *
 * @returns since when all were handed over, and none before it; not after `fromMs` = all of the span
 * @throws PipelineError `store-unavailable`; the reason of the signal
 */
export async function lookBack(
  store: ReadStore,
  device: string,
  { fromMs, toMs, take, isEnough = () => false, signal }: LookBack,
): Promise<number> {
  const [newest] = await store.latest(device, 1);
  const slice = new TimeSlice();
  let looked = 0;
  // What is beyond the newest would be looked at in parts of years.
  let end = Math.min(toMs, newest === undefined ? fromMs : newest.ts + 1);
  let part = FIRST_PART_MS;
  while (end > fromMs && !isEnough()) {
    signal?.throwIfAborted();
    const start = Math.max(fromMs, end - part);
    const readings: StoredReading[] = [];
    for await (const reading of store.scan({ fromMs: start, toMs: end, deviceIds: [device] })) {
      if (++looked > LOOKED_AT) return end;
      readings.push(reading);
      if (readings.length > READINGS_OF_PART) break;
      if (slice.isOver()) await slice.rest(signal);
    }
    if (readings.length > READINGS_OF_PART) {
      part = Math.max(1, Math.floor((end - start) / NARROWER));
      continue;
    }
    for (const reading of readings) {
      take(reading);
      if (slice.isOver()) await slice.rest(signal);
    }
    end = start;
    if (readings.length <= READINGS_OF_PART / 4) part *= 2;
  }
  return end;
}
