import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { forEachInFlight } from './in-flight-window.ts';

async function* upTo(n: number): AsyncGenerator<number> {
  for (let i = 0; i < n; i++) yield i;
}
const never = new AbortController().signal;

describe('forEachInFlight', () => {
  test('begins in order, at most so many at a time, and all of them', async () => {
    const begun: number[] = [];
    let [working, most] = [0, 0];
    const result = await forEachInFlight(upTo(50), { inFlight: 7, signal: never }, async (item) => {
      begun.push(item);
      most = Math.max(most, ++working);
      await setImmediate();
      working--;
    });
    expect(begun).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(most).toBe(7);
    expect([working, result]).toEqual([0, { interrupted: false }]);
  });

  test('after the signal nothing is begun, and what is in flight is finished', async () => {
    const interrupt = new AbortController();
    const finished: number[] = [];
    const result = await forEachInFlight(
      upTo(50),
      { inFlight: 3, signal: interrupt.signal },
      async (item) => {
        if (item === 10) interrupt.abort();
        await setImmediate();
        finished.push(item);
      },
    );
    expect(result).toEqual({ interrupted: true });
    expect(finished).toEqual(Array.from({ length: 11 }, (_, i) => i));
  });

  test('a source that rejects because of the signal was interrupted, otherwise it failed', async () => {
    const interrupt = new AbortController();
    async function* failing() {
      yield 1;
      throw new Error('broken');
    }
    await expect(forEachInFlight(failing(), { inFlight: 2, signal: never }, async () => {})).rejects.toThrow(
      'broken',
    );
    const options = { inFlight: 2, signal: interrupt.signal };
    const result = await forEachInFlight(failing(), options, async () => interrupt.abort());
    expect(result).toEqual({ interrupted: true });
  });

  test('fails with the first failure, after what was in flight, and begins nothing more', async () => {
    const finished: number[] = [];
    const run = forEachInFlight(upTo(50), { inFlight: 3, signal: never }, async (item) => {
      if (item === 4) throw new Error('no');
      await setImmediate();
      finished.push(item);
    });
    await expect(run).rejects.toThrow('no');
    expect(finished.length).toBeLessThan(10);
    expect(finished).toEqual(finished.toSorted((a, b) => a - b));
  });

  test('a rate spreads the beginnings', async () => {
    const startedAt = performance.now();
    await forEachInFlight(upTo(11), { inFlight: 5, ratePerSecond: 100, signal: never }, async () => {});
    // The eleventh is due 100 ms after the first. Timers may be early by a millisecond or two, and machines are slow at
    // times: less than the ten beginnings before it is what a rate forbids, and there is no upper bound.
    expect(performance.now() - startedAt).toBeGreaterThan(90);
  });
});
