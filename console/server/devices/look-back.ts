import { TimeSlice } from '#runtime/time-slice.ts';
import type { StoredReading, TelemetryStore } from '#telemetry-store/telemetry-store.ts';

/** Readings that one question is answered from, at most: a walk of a second or so. */
const LOOKED_AT = 200_000;
/** The newest part of a span, which is looked at first; each further one is twice as long. */
const FIRST_PART_MS = 60_000;

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
 * span there may be more than can be looked at. Rests in between: in `npm start` devices share the event loop with it.
 *
 * @returns since when all were handed over, and some before it may have been; `fromMs` = all of the span
 * @throws PipelineError `store-unavailable`; the reason of the signal
 */
export async function lookBack(
  store: ReadStore,
  device: string,
  { fromMs, toMs, take, isEnough = () => false, signal }: LookBack,
): Promise<number> {
  const [newest] = await store.latest(device, 1);
  // What is beyond it would be looked at in parts of years.
  const last = Math.min(toMs, newest === undefined ? fromMs : newest.ts + 1);
  const slice = new TimeSlice();
  let looked = 0;
  let end = last;
  for (let part = FIRST_PART_MS; end > fromMs && !isEnough(); part *= 2) {
    const start = Math.max(fromMs, end - part);
    for await (const reading of store.scan({ fromMs: start, toMs: end, deviceIds: [device] })) {
      // In the first part more than is ever looked at: some of it is better than nothing.
      if (++looked > LOOKED_AT) return end === last ? Math.max(start, fromMs + 1) : end;
      take(reading);
      if (slice.isOver()) await slice.rest(signal);
    }
    end = start;
  }
  return end;
}
