import { describe, expect, test } from 'vitest';
import { bucketsOf, quantileBetween, sumOf } from './scraped-metrics.ts';

const exposition = (counts: readonly number[]): string =>
  [0.1, 0.5, 1, '+Inf'].map((le, i) => `age_seconds_bucket{le="${le}"} ${counts[i]}`).join('\n');

test('a counter is summed over its labels, and no other one is', () => {
  const text = 'stored_total{schema="a/1"} 3\nstored_total{schema="b/1"} 4\nstored_total_created 9\nstored 1';
  expect(sumOf(text, 'stored_total')).toBe(7);
});

describe('a quantile between two looks', () => {
  const before = bucketsOf(exposition([100, 100, 100, 100]), 'age_seconds');

  test('is of what came between them', () => {
    const after = bucketsOf(exposition([150, 200, 200, 200]), 'age_seconds');
    expect(quantileBetween(before, after, 0.5)).toBeCloseTo(0.1);
    expect(quantileBetween(before, after, 0.75)).toBeCloseTo(0.3);
    expect(quantileBetween(before, after, 1)).toBeCloseTo(0.5);
  });

  test('beyond the last bound is that bound, and of nothing is no number', () => {
    const after = bucketsOf(exposition([100, 100, 100, 110]), 'age_seconds');
    expect(quantileBetween(before, after, 0.99)).toBe(1);
    expect(quantileBetween(before, before, 0.99)).toBeNaN();
  });
});
