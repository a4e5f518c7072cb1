import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { waitForCount, waitForFirst } from './wait-for-count.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => vi.useRealTimers());

/** What is counted at each look, the last for ever; twenty seconds pass between two. */
function counts(...seen: readonly number[]): () => Promise<number> {
  let looks = 0;
  return async () => {
    vi.advanceTimersByTime(20_000);
    return seen[Math.min(looks++, seen.length - 1)] as number;
  };
}

test('is over when all are there, however long it takes, as long as there are more each time', async () => {
  expect(await waitForCount(5, counts(0, 1, 2, 3, 4, 5), 0)).toBe(Date.now());
  expect(await waitForFirst(counts(0, 0, 3), 0)).toBe(3);
});

test('gives up after a minute in which nothing came, and at once when there are too many', async () => {
  await expect(waitForCount(5, counts(0, 2), 0)).rejects.toThrow(
    '5 readings were acknowledged, but 2 are stored',
  );
  await expect(waitForCount(5, counts(0, 6), 0)).rejects.toThrow('but 6 are stored');
  await expect(waitForFirst(counts(0), 0)).rejects.toThrow('no reading was stored');
});
