import type { SchemaCount } from '#contract/plain-readings.ts';
import type { Reading } from '#contract/reading.ts';

/** How many of the readings are of each schema; without a map where all are of one, as in most messages. */
export function readingsBySchema(readings: readonly Reading[]): readonly SchemaCount[] {
  const [first] = readings;
  if (first !== undefined && readings.every(({ schema }) => schema === first.schema)) {
    return [{ schema: first.schema, count: readings.length }];
  }
  const counts = new Map<string, number>();
  for (const { schema } of readings) counts.set(schema, (counts.get(schema) ?? 0) + 1);
  return Array.from(counts, ([schema, count]) => ({ schema, count }));
}
