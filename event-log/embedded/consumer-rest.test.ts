import { expect, test } from 'vitest';
import { LARGE_CHUNK_BYTES, restMs } from './consumer-rest.ts';

test('what trickles in is gathered, for less than readers notice', () => {
  expect(restMs(200, 10)).toBe(90);
});

test('the next chunk is read at once after a long one, and when handling took long enough', () => {
  expect(restMs(LARGE_CHUNK_BYTES, 0)).toBe(0);
  expect(restMs(200, 500)).toBe(0);
});
