import type { LetterFilter } from '#console/api/dead-letters.ts';
import { withQuery } from '#console/page/navigation/route.ts';

/** The filter of the page stands in its address, in the words of the server, so that it can be given to others. */

const WORDS = ['reason', 'device', 'schema', 'source', 'stage', 'state'] as const;
const TIMES = ['since', 'until'] as const;

export function filterOf(query: URLSearchParams): LetterFilter {
  const filter: Record<string, string | number> = {};
  for (const name of WORDS) {
    const value = query.get(name);
    if (value !== null && value !== '') filter[name] = value;
  }
  for (const name of TIMES) {
    const value = Number(query.get(name) ?? Number.NaN);
    if (Number.isFinite(value)) filter[name] = value;
  }
  return filter as LetterFilter;
}

/** @param place `''`, `/groups`, `/over-time` */
export function lettersPath(
  place: string,
  filter: LetterFilter,
  more: Readonly<Record<string, number>> = {},
): string {
  return withQuery(`/dead-letters${place}`, { ...filter, ...more });
}
