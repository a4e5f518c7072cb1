import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffDelayMs, pause } from '#runtime/retry.ts';

describe('back-off', () => {
  const backoff = { firstDelayMs: 100, maxDelayMs: 5_000, jitter: 0.5 };

  it('doubles up to its cap', () => {
    expect([1, 2, 3, 6, 7, 1000].map((attempt) => backoffDelayMs(backoff, attempt, () => 0))).toEqual([
      100, 200, 400, 3200, 5000, 5000,
    ]);
  });

  it('stays between its jittered bounds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, chance) => {
          const delay = backoffDelayMs(backoff, attempt, () => chance);
          expect(delay).toBeGreaterThanOrEqual(50);
          expect(delay).toBeLessThanOrEqual(5000);
        },
      ),
    );
  });

  it('ends its wait when the signal fires', async () => {
    const stop = new AbortController();
    const waited = pause(60_000, stop.signal);
    stop.abort();
    expect(await waited).toBe(false);
    expect(await pause(60_000, stop.signal)).toBe(false);
    expect(await pause(1)).toBe(true);
  });
});
