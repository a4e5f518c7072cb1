import type { LettersOverTime } from '#console/api/dead-letters.ts';

export interface StackedColumns {
  readonly times: readonly number[];
  /** The most first; what is beyond the bound is one, `others`. */
  readonly series: readonly { readonly reason: string; readonly total: number }[];
  /** Of each time what is in it, from the ground up; `from` and `to` are parts of the highest column. */
  readonly columns: readonly (readonly {
    readonly series: number;
    readonly from: number;
    readonly to: number;
  }[])[];
  readonly highest: number;
}

/** Pure. @param most series at most. */
export function stackedColumns({ times, reasons }: LettersOverTime, most: number): StackedColumns {
  const sorted = reasons
    .map(({ reason, counts }) => ({
      reason,
      counts,
      total: counts.reduce((sum, letters) => sum + letters, 0),
    }))
    .filter(({ total }) => total > 0)
    .sort((a, b) => b.total - a.total);
  const shown =
    sorted.length <= most ? sorted : [...sorted.slice(0, most - 1), together(sorted.slice(most - 1))];
  const sums = times.map((_, place) => shown.reduce((sum, { counts }) => sum + (counts[place] ?? 0), 0));
  const highest = Math.max(0, ...sums);
  const columns = times.map((_, place) => {
    let at = 0;
    return shown.flatMap(({ counts }, series) => {
      const letters = counts[place] ?? 0;
      if (letters === 0) return [];
      const from = at / highest;
      at += letters;
      return [{ series, from, to: at / highest }];
    });
  });
  return { times, series: shown.map(({ reason, total }) => ({ reason, total })), columns, highest };
}

interface Counted {
  readonly reason: string;
  readonly counts: readonly number[];
  readonly total: number;
}

function together(rest: readonly Counted[]): Counted {
  const [{ counts } = { counts: [] }] = rest;
  return {
    reason: 'others',
    counts: counts.map((_, place) => rest.reduce((sum, one) => sum + (one.counts[place] ?? 0), 0)),
    total: rest.reduce((sum, one) => sum + one.total, 0),
  };
}
