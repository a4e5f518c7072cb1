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
  return { columns, truncated: knownFrom > fromMs };
}

interface Point {
  readonly ts: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

interface Part {
  readonly count: number;
  /** {@link SHRUNK}. */
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Values of one field over a span: one by one while they are few, and always by parts of the time, counted back from its end. The parts
 * are short at first; a value that is older than all of them makes two into one until it has its place. So a device whose newest values
 * only are known has them in at least half as many parts as one that is known for all of the span.
 */
class FieldColumn {
  readonly #toMs: number;
  readonly #points: number;
  /** Of one part when all of the span is known, milliseconds. */
  readonly #widest: number;
  /** Of one part now: the widest, halved some times. */
  #width: number;
  /** One more than `points` when there were more. */
  readonly #single: (readonly [ts: number, value: number])[] = [];
  /** The newest is 0. */
  #parts = new Map<number, Part>();

  constructor(fromMs: number, toMs: number, points: number) {
    this.#toMs = toMs;
    this.#points = points;
    this.#widest = Math.max(1, (toMs - fromMs) / points);
    this.#width = this.#widest;
    while (this.#width >= 2) this.#width /= 2;
  }

  add(ts: number, value: number): void {
    if (this.#single.length <= this.#points) this.#single.push([ts, value]);
    while (this.#placeOf(ts) >= this.#points && this.#width < this.#widest) this.#widen();
    this.#join(this.#placeOf(ts), { count: 1, sum: value * SHRUNK, min: value, max: value });
  }

  #placeOf(ts: number): number {
    return Math.ceil((this.#toMs - ts) / this.#width) - 1;
  }

  #widen(): void {
    const parts = this.#parts;
    this.#parts = new Map();
    this.#width *= 2;
    for (const [place, part] of parts) this.#join(Math.floor(place / 2), part);
  }

  #join(place: number, part: Part): void {
    const there = this.#parts.get(place);
    this.#parts.set(
      place,
      there === undefined
        ? part
        : {
            count: there.count + part.count,
            sum: there.sum + part.sum,
            min: Math.min(there.min, part.min),
            max: Math.max(there.max, part.max),
          },
    );
  }

  /** The oldest first. */
  points(): readonly Point[] {
    const told =
      this.#single.length <= this.#points
        ? this.#single.map(([ts, value]) => ({ ts, mean: value, min: value, max: value }))
        : [...this.#parts].map(([place, { count, sum, min, max }]) => ({
            ts: this.#toMs - (place + 0.5) * this.#width,
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
