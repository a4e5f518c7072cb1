import { expect, test } from 'vitest';
import { roundDelayMs } from './round-pace.ts';

test('a record after a quiet moment goes at once', () => {
  expect(roundDelayMs(Infinity, 1)).toBe(0);
  expect(roundDelayMs(20, 1)).toBe(0);
});

test('records right behind a round gather for the rest of a few milliseconds', () => {
  expect(roundDelayMs(1, 3)).toBe(4);
  expect(roundDelayMs(0, 3)).toBeLessThanOrEqual(5);
});

test('many records do not wait', () => {
  expect(roundDelayMs(0, 500)).toBe(0);
});
