import type { DeviceCharts, DeviceSeries } from '#console/api/devices.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { lookBack, type ReadStore } from './look-back.ts';

const HOUR_MS = 60 * 60 * 1000;
/** Sums are of so much smaller values: there are values of which two are more than a number can hold. */
const SHRUNK = 2 ** -20;
/** Kinds of fields that a line can show. */
const NUMBERS: ReadonlySet<string> = new Set(['float', 'integer']);

interface SeriesQuery {
  readonly schema: string;
  /** As many readings are given one by one; of more, each point stands for a part of the time. */
  readonly points: number;
  /** `fromMs`: default is the hour before the newest reading. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/** One field of a device over time. @throws PipelineError `store-unavailable` */
export async function seriesOf(
  store: ReadStore,
  schemas: SchemaRegistry,
  device: string,
  { field, ...query }: SeriesQuery & { readonly field: string },
  signal?: AbortSignal,
): Promise<DeviceSeries> {
  const { columns, truncated } = await columnsOf(store, device, query, [field], signal);
  const told = columns.get(field)?.points() ?? [];
  return {
    schema: query.schema,
    field,
    unit: unitOf(schemas, query.schema, field),
    times: told.map(({ ts }) => ts / 1000),
    values: told.map(({ mean }) => mean),
    min: told.map(({ min }) => min),
    max: told.map(({ max }) => max),
    truncated,
  };
}

/** All fields of a type that are numbers, by one look at the store. @throws as {@link seriesOf} */
export async function chartsOf(
  store: ReadStore,
  schemas: SchemaRegistry,
  device: string,
  query: SeriesQuery,
  signal?: AbortSignal,
): Promise<DeviceCharts> {
  const fields = [...(schemas.get(query.schema)?.fields.values() ?? [])].filter(({ kind }) =>
    NUMBERS.has(kind),
  );
  const expected = fields.map(({ name }) => name);
  // A schema that is no longer in force has readings all the same.
  const wanted = expected.length > 0 ? expected : undefined;
  const { columns, truncated } = await columnsOf(store, device, query, wanted, signal);
  return {
    schema: query.schema,
    truncated,
    fields: (wanted ?? [...columns.keys()].sort()).map((field) => {
      const told = columns.get(field)?.points() ?? [];
      const unit = unitOf(schemas, query.schema, field);
      return { field, unit, times: told.map(({ ts }) => ts / 1000), values: told.map(({ mean }) => mean) };
    }),
  };
}

/** @param fields `undefined` = all that hold a number */
async function columnsOf(
  store: ReadStore,
  device: string,
  { schema, points, ...span }: SeriesQuery,
  fields: readonly string[] | undefined,
  signal: AbortSignal | undefined,
): Promise<{ readonly columns: ReadonlyMap<string, FieldColumn>; readonly truncated: boolean }> {
  const toMs = span.toMs ?? ((await store.latest(device, 1))[0]?.ts ?? 0) + 1;
  const { fromMs = toMs - HOUR_MS } = span;
  const columns = new Map<string, FieldColumn>();
  const knownFrom = await lookBack(store, device, {
    fromMs,
    toMs,
    signal,
    take: ({ schema: of, ts, values }) => {
      if (of !== schema) return;
      for (const field of fields ?? Object.keys(values)) {
        const value = numberOf(values[field]);
        if (value === undefined) continue;
        const column = columns.get(field) ?? new FieldColumn(fromMs, toMs, points);
        columns.set(field, column);
        column.add(ts, value);
      }
    },
  });
  for (const column of columns.values()) column.forgetBefore(knownFrom);
  return { columns, truncated: knownFrom > fromMs };
}

interface Point {
  readonly ts: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

/** Values of one field over a span: one by one while they are few, and always by parts of the time. */
class FieldColumn {
  readonly #fromMs: number;
  readonly #points: number;
  /** Of one part, milliseconds. */
  readonly #width: number;
  /** One more than `points` when there were more. */
  #single: (readonly [ts: number, value: number])[] = [];
  readonly #parts = new Map<number, { count: number; sum: number; min: number; max: number }>();

  constructor(fromMs: number, toMs: number, points: number) {
    this.#fromMs = fromMs;
    this.#points = points;
    this.#width = Math.max(1, (toMs - fromMs) / points);
  }

  add(ts: number, value: number): void {
    if (this.#single.length <= this.#points) this.#single.push([ts, value]);
    const place = Math.floor((ts - this.#fromMs) / this.#width);
    const part = this.#parts.get(place);
    if (part === undefined) {
      this.#parts.set(place, { count: 1, sum: value * SHRUNK, min: value, max: value });
      return;
    }
    part.count++;
    part.sum += value * SHRUNK;
    part.min = Math.min(part.min, value);
    part.max = Math.max(part.max, value);
  }

  /** Of the time before not all values were added. */
  forgetBefore(ts: number): void {
    const first = Math.ceil((ts - this.#fromMs) / this.#width);
    for (const place of this.#parts.keys()) if (place < first) this.#parts.delete(place);
    if (this.#single.length <= this.#points) this.#single = this.#single.filter(([at]) => at >= ts);
  }

  /** The oldest first. */
  points(): readonly Point[] {
    const told =
      this.#single.length <= this.#points
        ? this.#single.map(([ts, value]) => ({ ts, mean: value, min: value, max: value }))
        : [...this.#parts].map(([place, { count, sum, min, max }]) => ({
            ts: this.#fromMs + (place + 0.5) * this.#width,
            mean: sum / count / SHRUNK,
            min,
            max,
          }));
    return told.sort((a, b) => a.ts - b.ts);
  }
}

function unitOf(schemas: SchemaRegistry, schema: string, field: string): string | null {
  return schemas.get(schema)?.fields.get(field)?.unit || null;
}

/** What a chart can show. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' ? value : undefined;
}
