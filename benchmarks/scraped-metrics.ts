/** What `/metrics` of a process said, as far as the benchmark asks for it. */

/** The sum of a counter over its labels. */
export function sumOf(exposition: string, name: string): number {
  let sum = 0;
  for (const line of exposition.split('\n')) {
    if (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) sum += Number(line.split(' ').at(-1));
  }
  return sum;
}

/** Observations up to each bound, in the order of the bounds. */
export type Buckets = ReadonlyMap<number, number>;

export function bucketsOf(exposition: string, name: string): Buckets {
  const counts = new Map<number, number>();
  const bucket = new RegExp(`^${name}_bucket\\{.*?le="([^"]+)".*\\} (\\S+)$`, 'gm');
  for (const [, bound, count] of exposition.matchAll(bucket)) {
    const le = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
    counts.set(le, (counts.get(le) ?? 0) + Number(count));
  }
  return counts;
}

/**
 * A quantile of what was observed between two looks, as Prometheus' `histogram_quantile` tells it: within its bucket the
 * observations are taken to be spread evenly. `NaN` without observations.
 */
export function quantileBetween(before: Buckets, after: Buckets, quantile: number): number {
  const counts = [...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const);
  const rank = quantile * (counts.at(-1)?.[1] ?? Number.NaN);
  let [lowerBound, lowerCount] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= rank && count > 0) {
      if (bound === Number.POSITIVE_INFINITY) return lowerBound;
      return lowerBound + ((bound - lowerBound) * (rank - lowerCount)) / (count - lowerCount);
    }
    [lowerBound, lowerCount] = [bound, count];
  }
  return Number.NaN;
}
