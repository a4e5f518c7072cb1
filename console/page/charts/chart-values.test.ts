import { describe, expect, it } from 'vitest';
import { rangeAround, withGaps } from './chart-values.ts';

describe('values with gaps', () => {
  it('have an empty place where nothing came for longer than usual', () => {
    expect(withGaps([0, 10, 20, 120, 130], [1, 2, 3, 4, 5])).toEqual({
      times: [0, 10, 20, 70, 120, 130],
      values: [1, 2, 3, null, 4, 5],
    });
  });

  it('are left alone when they come evenly, once, or never', () => {
    expect(withGaps([0, 10, 21, 30], [1, 2, 3, 4]).times).toEqual([0, 10, 21, 30]);
    expect(withGaps([7], [1])).toEqual({ times: [7], values: [1] });
    expect(withGaps([], [])).toEqual({ times: [], values: [] });
  });
});

describe('the range around values', () => {
  it.each([
    ['far from nothing and close together', 1_000_000, 1_000_500],
    ['small', 1e-6, 3e-6],
    ['on both sides of nothing', -3, 7],
  ])('%s: they fill it', (_, min, max) => {
    const [from, to] = rangeAround(min, max);
    expect(from).toBeLessThan(min);
    expect(to).toBeGreaterThan(max);
    expect((max - min) / (to - from)).toBeCloseTo(1 / 1.2);
  });

  it.each([0, 21.5, -40, 1e300, 1e-12])('always %d: it is in the middle', (value) => {
    const [from, to] = rangeAround(value, value * (1 + 1e-12));
    expect((value - from) / (to - from)).toBeCloseTo(0.5);
  });

  it('is a range, however large the values are', () => {
    const [from, to] = rangeAround(-Number.MAX_VALUE, Number.MAX_VALUE);
    expect(Number.isFinite(to - from)).toBe(true);
    expect(rangeAround(null, null)).toEqual([0, 1]);
  });
});
