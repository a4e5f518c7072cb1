import type { ValueCount } from '#telemetry-store/influxdb/value-counts.ts';

/** One field of a measurement (and value of a tag), in both buckets. */
export interface ComparedCount {
  readonly measurement: string;
  readonly field: string;
  readonly tag: string | undefined;
  readonly theirs: number;
  readonly ours: number;
}

/** Fields that our points have besides the values of their readings. */
const OUR_OWN: ReadonlySet<string> = new Set(['schemaVersion', 'schemaType', 'seq']);

/**
 * Puts the counts of two buckets beside each other, in the order of their names. Measurements that only we have are left
 * out unless they are asked for: our bucket may hold what the other chain never saw.
 *
 * @param measurements which to compare; default: those that the other chain has.
 */
export function compareCounts(
  theirs: readonly ValueCount[],
  ours: readonly ValueCount[],
  measurements: readonly string[] = [...new Set(theirs.map(({ measurement }) => measurement))],
): ComparedCount[] {
  const compared = new Map<string, ComparedCount>();
  const add = ({ measurement, field, tag, count }: ValueCount, side: 'theirs' | 'ours'): void => {
    if (!measurements.includes(measurement)) return;
    if (side === 'ours' && OUR_OWN.has(field)) return;
    const key = JSON.stringify([measurement, field, tag ?? '']);
    const known = compared.get(key) ?? { measurement, field, tag, theirs: 0, ours: 0 };
    compared.set(key, { ...known, [side]: known[side] + count });
  };
  for (const count of theirs) add(count, 'theirs');
  for (const count of ours) add(count, 'ours');
  return [...compared].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count);
}
