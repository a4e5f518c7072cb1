import { describe, expect, it } from 'vitest';
import { stackedColumns } from './stacked-columns.ts';

const looked = { letters: 0, since: null, older: false };

describe('stacked columns', () => {
  it('stand on each other, as parts of the highest', () => {
    const stacked = stackedColumns(
      {
        times: [10, 20],
        reasons: [
          { reason: 'few', counts: [1, 0] },
          { reason: 'many', counts: [1, 4] },
        ],
        looked,
      },
      6,
    );
    expect(stacked.highest).toBe(4);
    expect(stacked.series).toEqual([
      { reason: 'many', total: 5 },
      { reason: 'few', total: 1 },
    ]);
    expect(stacked.columns).toEqual([
      [
        { series: 0, from: 0, to: 0.25 },
        { series: 1, from: 0.25, to: 0.5 },
      ],
      [{ series: 0, from: 0, to: 1 }],
    ]);
  });

  it('what is beyond the colours is counted together, and nothing is lost', () => {
    const reasons = [5, 4, 3, 2].map((letters) => ({ reason: `r${letters}`, counts: [letters] }));
    expect(stackedColumns({ times: [1], reasons, looked }, 2).series).toEqual([
      { reason: 'r5', total: 5 },
      { reason: 'others', total: 9 },
    ]);
  });

  it('of nothing there is nothing', () => {
    expect(stackedColumns({ times: [1, 2], reasons: [], looked }, 6)).toEqual({
      times: [1, 2],
      series: [],
      columns: [[], []],
      highest: 0,
    });
  });
});
