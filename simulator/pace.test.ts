import { expect, test } from 'vitest';
import { dueAfterMs, type Pace } from './pace.ts';

test('a steady pace', () => {
  const pace: Pace = { rate: 4, burstFactor: 1, burstEvery: 30, burstLength: 5 };
  expect([0, 1, 2.5, 400].map((n) => dueAfterMs(pace, n))).toEqual([0, 250, 625, 100_000]);
});

test('bursts come at the end of each period, with the factor’s rate', () => {
  const pace: Pace = { rate: 2, burstFactor: 10, burstEvery: 30, burstLength: 5 };
  const times = Array.from({ length: 450 }, (_, n) => dueAfterMs(pace, n));
  const within = (from: number, to: number): number => times.filter((at) => at >= from && at < to).length;
  expect(within(0, 25_000)).toBe(50);
  expect(within(25_000, 30_000)).toBe(100);
  expect(within(30_000, 55_000)).toBe(50);
  expect(within(55_000, 60_000)).toBe(100);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test('nothing but bursts', () => {
  const pace: Pace = { rate: 1, burstFactor: 5, burstEvery: 2, burstLength: 2 };
  expect(dueAfterMs(pace, 10)).toBe(2_000);
});
