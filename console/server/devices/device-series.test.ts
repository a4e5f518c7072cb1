import { describe, expect, it } from 'vitest';
import type { ScanRange, StoredReading } from '#telemetry-store/telemetry-store.ts';
import { readingsOf } from './device-readings.ts';
import { chartsOf, seriesOf } from './device-series.ts';

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
const query = { schema: 'a/1', points: 10 };

/** One reading in so many milliseconds until a moment; the oldest of a range first, as SQLite gives them. */
function storeOf(count: number, everyMs: number, valueAt: (number: number) => number, endsAt = 30 * DAY) {
  const reading = (number: number): StoredReading => ({
    deviceId: 'd',
    schema: 'a/1',
    ts: endsAt - (count - 1 - number) * everyMs,
    seq: number,
    values: { x: valueAt(number) },
  });
  const firstTs = reading(0).ts;
  let handedOver = 0;
  return {
    latest: async (_: string, limit: number) =>
      Array.from({ length: Math.min(limit, count) }, (_, back) => reading(count - 1 - back)),
    async *scan({ fromMs, toMs }: ScanRange) {
      const from = Math.max(0, Math.ceil((fromMs - firstTs) / everyMs));
      for (let number = from; number < count && reading(number).ts < toMs; number++) {
        handedOver++;
        yield reading(number);
      }
    },
    handedOver: () => handedOver,
  };
}

describe('a field over time', () => {
  it('of many readings is drawn with fewer points, and their bounds', async () => {
    const store = storeOf(1_000, SECOND, (number) => number, 999 * SECOND);
    const span = { fromMs: 0, toMs: 1_000 * SECOND };
    const series = await seriesOf(store, new Map(), 'd', { ...query, ...span, field: 'x' });
    expect(series.times).toHaveLength(10);
    expect([series.min[0], series.values[0], series.max[0]]).toEqual([0, 49.5, 99]);
    expect(series.truncated).toBe(false);
  });

  it('is the newest of it, when there is more than is looked at', async () => {
    const store = storeOf(7 * 86_400, SECOND, (number) => number);
    const series = await seriesOf(store, new Map(), 'd', { ...query, fromMs: 23 * DAY, field: 'x' });
    expect(series.truncated).toBe(true);
    expect(series.times.at(-1)).toBeGreaterThan((30 * DAY - DAY) / 1_000);
    expect(series.max.at(-1)).toBe(7 * 86_400 - 1);
    expect(store.handedOver()).toBeLessThanOrEqual(200_001);
    // What is known is spread over the points.
    expect(series.times.length).toBeGreaterThanOrEqual(query.points / 2);
    expect(series.min[0]).toBeLessThan(7 * 86_400 - 180_000);
  });

  it.each([
    ['60 a second', 1_000 / 60],
    ['a thousand a second', 1],
  ])('of a device that sends %s is as much of it as is looked at, whatever the span', async (_, everyMs) => {
    const store = storeOf((7 * DAY) / everyMs, everyMs, (number) => number);
    const charts = await chartsOf(store, new Map(), 'd', { schema: 'a/1', points: 300, fromMs: 23 * DAY });
    const { times = [] } = charts.fields[0] ?? {};
    expect(charts.truncated).toBe(true);
    expect(times.length).toBeGreaterThanOrEqual(150);
    expect(times.length).toBeLessThanOrEqual(300);
    expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThan((100_000 * everyMs) / SECOND);
    expect(store.handedOver()).toBeLessThanOrEqual(200_001);
  });

  it('is complete when a burst is among much that is quiet', async () => {
    const quiet = storeOf(1_000, 60 * SECOND, () => 0, 25 * DAY);
    const burst = storeOf(30_000, 1, () => 1, 24.9 * DAY);
    const store = {
      latest: quiet.latest,
      async *scan(range: ScanRange) {
        yield* burst.scan(range);
        yield* quiet.scan(range);
      },
    };
    const charts = await chartsOf(store, new Map(), 'd', { ...query, fromMs: 23 * DAY });
    expect(charts.truncated).toBe(false);
    const count = { burst: 0, quiet: 0 };
    const { readings } = await readingsOf(store, 'd', {
      schema: undefined,
      fromMs: 23 * DAY,
      toMs: undefined,
      limit: 40_000,
    });
    for (const { values } of readings) count[values['x'] === 1 ? 'burst' : 'quiet']++;
    expect(count).toEqual({ burst: 30_000, quiet: 1_000 });
  });

  it('has the mean of values of which two are more than a number can hold', async () => {
    const store = storeOf(100, SECOND, (number) => (number % 2 === 0 ? 1.5e308 : 1.7e308));
    const series = await seriesOf(store, new Map(), 'd', { ...query, field: 'x' });
    for (const value of series.values) expect(value).toBeGreaterThanOrEqual(1.5e308);
    expect(series.values.every((value) => Number.isFinite(value))).toBe(true);
  });

  it('of a schema that is no longer in force is drawn all the same', async () => {
    const charts = await chartsOf(storeOf(5, SECOND, Number), new Map(), 'd', query);
    expect(charts.fields).toMatchObject([{ field: 'x', unit: null, values: [0, 1, 2, 3, 4] }]);
  });

  it('is not looked for any further when nobody waits for it', async () => {
    const store = storeOf(1_000_000, 1, Number);
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(seriesOf(store, new Map(), 'd', { ...query, field: 'x' }, gone)).rejects.toThrow('gone');
    expect(store.handedOver()).toBeLessThan(200_000);
  });
});

describe('readings of a span', () => {
  it('are the newest of it, whatever the store begins with', async () => {
    const store = storeOf(7 * 86_400, SECOND, Number);
    const all = { schema: undefined, fromMs: 0, toMs: undefined, limit: 3 };
    const { readings } = await readingsOf(store, 'd', all);
    expect(readings.map(({ seq }) => seq)).toEqual([604_799, 604_798, 604_797]);
    expect(store.handedOver()).toBeLessThan(100);
    const future = { ...all, toMs: Number.MAX_SAFE_INTEGER };
    expect((await readingsOf(store, 'd', future)).readings).toEqual(readings);
  });
});
