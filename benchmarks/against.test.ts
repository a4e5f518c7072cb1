import { describe, expect, it } from 'vitest';
import { compare } from './against.ts';
import { formatRatios } from './report.ts';

describe('two checkouts beside each other', () => {
  const round = (perSecond: number, p99Ms: number) => ({
    flood: { perSecond, p99Ms },
    ours: { perSecond: 1 },
  });

  it('is a ratio of runs that followed each other, with its spread', () => {
    const ours = [round(100, 1), round(50, 2), round(90, 4)];
    const theirs = [round(50, 1), round(50, 1), round(60, 2)].map(({ flood }) => ({ flood }));
    expect(compare(ours, theirs)).toEqual([
      {
        measurement: 'flood',
        figure: 'perSecond',
        ours: 90,
        theirs: 50,
        ratio: { median: 1.5, least: 1, most: 2 },
      },
      {
        measurement: 'flood',
        figure: 'p99Ms',
        ours: 2,
        theirs: 1,
        ratio: { median: 2, least: 1, most: 2 },
      },
    ]);
  });

  it('says what both measured, and no more', () => {
    const text = formatRatios(compare([round(100, 1)], [{ flood: { perSecond: 50 } }]));
    expect(text).toMatch(/^flood\n {2}perSecond +100 : +50 {3}2\.00 {2}\(2\.00–2\.00\)\n$/);
  });
});
