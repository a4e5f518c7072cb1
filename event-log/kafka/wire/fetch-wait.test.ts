import { expect, test } from 'vitest';
import { fetchWait } from './fetch-wait.ts';

test.each([
  ['the first request', undefined],
  ['after an answer without records', 0],
])('%s is answered with the first record that comes', (_, lastBytes) => {
  expect(fetchWait(lastBytes)).toEqual({ minBytes: 1, maxWaitTime: 500 });
});

test.each([1, 1_000_000])('after %d bytes more is gathered, for less than readers notice', (lastBytes) => {
  const { minBytes, maxWaitTime } = fetchWait(lastBytes);
  expect(minBytes).toBeGreaterThan(100_000);
  expect(maxWaitTime).toBeLessThanOrEqual(200);
});
