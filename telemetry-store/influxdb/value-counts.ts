import { seriesOf } from './influxql.ts';

/** How many values of a field a measurement has. */
export interface ValueCount {
  readonly measurement: string;
  readonly field: string;
  /** Value of the tag that was asked for; empty = the points without it. */
  readonly tag: string | undefined;
  readonly count: number;
}

export interface CountedRange {
  /** Milliseconds since the epoch; `toMs` is not in it. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Count by the values of this tag. */
  readonly by?: string | undefined;
}

const COUNT = /^count_(.+)$/s;
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * Counts the values in any bucket, whoever filled it. The token needs read permission on it.
 *
 * @throws PipelineError `store-unavailable`
 */
export async function countValues(
  { url, token, bucket }: { readonly url: string; readonly token: string; readonly bucket: string },
  { fromMs, toMs, by }: CountedRange,
  signal: AbortSignal,
): Promise<ValueCount[]> {
  const connection = { url, token, requestTimeoutMs: REQUEST_TIMEOUT_MS };
  const groups = by === undefined ? '' : ` GROUP BY "${by.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const query = `SELECT count(*) FROM /.*/ WHERE time >= ${fromMs}ms AND time < ${toMs}ms${groups}`;
  const counts: ValueCount[] = [];
  for await (const { name: measurement, tags, columns, values } of seriesOf(
    connection,
    bucket,
    query,
    {},
    signal,
  )) {
    const tag = by === undefined ? undefined : (tags?.[by] ?? '');
    for (const row of values) {
      for (const [at, column] of columns.entries()) {
        const field = COUNT.exec(column)?.[1];
        const count = row[at];
        if (field !== undefined && typeof count === 'number' && count > 0)
          counts.push({ measurement, field, tag, count });
      }
    }
  }
  return counts;
}
