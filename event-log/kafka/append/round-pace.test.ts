import { expect, test } from 'vitest';
import { evenAfterRound, roundDelayMs } from './round-pace.ts';

/** When the rounds begin for records that come at these times, one by one. Milliseconds. */
function roundsFor(arrivals: readonly number[], waiting = 1): number[] {
  let evenAt = -Infinity;
  return arrivals.map((at) => {
    const begins = at + roundDelayMs(evenAt - at, waiting);
    evenAt = evenAfterRound(evenAt, begins);
    return begins;
  });
}

test('records after a quiet moment go at once, and so does one right behind them', () => {
  expect(roundsFor([0, 20, 21, 50, 50])).toEqual([0, 20, 21, 50, 50]);
});

test('of more that come right behind, each gathers what comes for 5 ms', () => {
  expect(roundsFor([0, 1, 2, 5, 10, 30])).toEqual([0, 1, 5, 10, 15, 30]);
});

test('on the average they are no nearer than that, however steadily records come', () => {
  const rounds = roundsFor(Array.from({ length: 1_000 }, (_, i) => 5 * i));
  expect(rounds.at(-1)).toBe(5 * 999);
  let evenAt = -Infinity;
  let now = 0;
  let count = 0;
  for (; now < 1_000; count++) {
    now += Math.max(0.5, roundDelayMs(evenAt - now, 10));
    evenAt = evenAfterRound(evenAt, now);
  }
  expect(count).toBeGreaterThan(195);
  expect(count).toBeLessThan(205);
});

test('many records do not wait, and leave nothing that those behind them wait for', () => {
  expect(roundsFor([0, 1, 2, 3, 4], 500)).toEqual([0, 1, 2, 3, 4]);
  let evenAt = -Infinity;
  for (let at = 0; at < 100; at++) evenAt = evenAfterRound(evenAt, at);
  expect(roundDelayMs(evenAt - 100, 1)).toBeLessThanOrEqual(5);
});
