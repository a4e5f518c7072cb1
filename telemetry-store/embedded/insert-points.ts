import type { StatementSync } from 'node:sqlite';
import type { Statements } from '#sqlite/statements.ts';
import type { RejectedPoint } from '#telemetry-store/telemetry-store.ts';
import { type MeasurementTables, quoted } from './measurement-tables.ts';
import type { PointBatch, PointShape, ShapeField } from './point-batch.ts';

/** Rows of one statement: what a statement costs besides is shared, and more of them brought nothing. */
const ROWS_AT_ONCE = 8;

/** Where the points of a shape go, or why they cannot. */
interface Target {
  readonly shape: PointShape;
  /** Prepared when it is needed. */
  readonly insert: ((rows: number) => StatementSync) | undefined;
  readonly reason: string | undefined;
}

type SqlValue = string | number;

/**
 * Inserts the points of a batch, or merges them into those that are there, and says which cannot be stored, in words
 * like InfluxDB's. Must run inside a transaction.
 *
 * Table by table and device by device, as the rows lie in the file: each page is looked for once, and not once for each
 * message of a device. Points of one device and table keep their order, so that of two with the same time the later one
 * counts.
 */
export function insertPoints(
  tables: MeasurementTables,
  statements: Statements,
  batch: PointBatch,
  oldestMs: number,
): RejectedPoint[] {
  const { devices, shapeOf, deviceOf, timestamps, values } = batch;
  const targets = batch.shapes.map((shape) => targetOf(shape, tables, statements));
  const firstValue = firstValues(batch);
  const rejected: RejectedPoint[] = [];
  let rows: SqlValue[] = [];
  let count = 0;
  let target: Target | undefined;
  const insertRows = (): void => {
    if (count === ROWS_AT_ONCE) target?.insert?.(ROWS_AT_ONCE).run(...rows);
    else {
      const width = rows.length / count;
      for (let at = 0; at < rows.length; at += width) target?.insert?.(1).run(...rows.slice(at, at + width));
    }
    rows = [];
    count = 0;
  };
  for (const index of inRowOrder(batch)) {
    const next = targets[shapeOf[index] as number] as Target;
    const time = timestamps[index] as number;
    const { fields } = next.shape;
    const first = firstValue[index] as number;
    let reason = next.reason ?? (time < oldestMs ? beyondRetention(time, oldestMs) : undefined);
    for (let i = 0; i < fields.length; i++) {
      reason ??= unstorable(fields[i] as ShapeField, values[first + i] as SqlValue);
    }
    if (reason !== undefined) {
      rejected.push({ index, reason });
      continue;
    }
    if (next !== target || count === ROWS_AT_ONCE) insertRows();
    target = next;
    rows.push(devices[deviceOf[index] as number] as string, time);
    for (let i = 0; i < fields.length; i++) rows.push(values[first + i] as SqlValue);
    count++;
  }
  insertRows();
  return rejected.sort((a, b) => a.index - b.index);
}

/** By point, where its values begin. */
function firstValues({ shapes, shapeOf }: PointBatch): Uint32Array {
  const firsts = new Uint32Array(shapeOf.length);
  let at = 0;
  for (let index = 0; index < shapeOf.length; index++) {
    firsts[index] = at;
    at += (shapes[shapeOf[index] as number] as PointShape).fields.length;
  }
  return firsts;
}

/** The points by measurement, device, and their own order. */
function* inRowOrder({ shapes, devices, shapeOf, deviceOf }: PointBatch): Generator<number> {
  const points = shapeOf.length;
  const measurements = [...new Set(shapes.map(({ measurement }) => measurement))];
  const tableOf = shapes.map(({ measurement }) => measurements.indexOf(measurement));
  // One number for all three: numbers are sorted without being compared by us.
  const keys = new Float64Array(points);
  for (let index = 0; index < points; index++) {
    const table = tableOf[shapeOf[index] as number] as number;
    keys[index] = (table * devices.length + (deviceOf[index] as number)) * points + index;
  }
  for (const key of keys.sort()) yield key % points;
}

function targetOf(shape: PointShape, tables: MeasurementTables, statements: Statements): Target {
  const held = tables.columnsFor(shape);
  if ('reason' in held) return { shape, insert: undefined, reason: held.reason };
  const columns = held.columns.map(({ column }) => column);
  const row = `(?, ?${', ?'.repeat(columns.length)})`;
  const sqlOf = (rows: number): string =>
    `INSERT INTO ${quoted(shape.measurement)} (device, time, ${columns.join(', ')})
       VALUES ${Array(rows).fill(row).join(', ')}
       ON CONFLICT (device, time) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`;
  const one = sqlOf(1);
  const many = sqlOf(ROWS_AT_ONCE);
  return { shape, insert: (rows) => statements.get(rows === 1 ? one : many), reason: undefined };
}

/** SQLite would store NaN as NULL, and node:sqlite cannot read back integers that a double cannot hold. */
function unstorable({ name, kind }: ShapeField, value: number | string): string | undefined {
  if (kind === 'float' && !Number.isFinite(value)) return `field "${name}" is not a finite number`;
  if (kind === 'integer' && !Number.isSafeInteger(value))
    return `field "${name}" is no integer within ±(2^53 − 1)`;
  return undefined;
}

function beyondRetention(time: number, oldestMs: number): string {
  const seconds = (oldestMs - time) / 1000;
  return `point outside retention policy: it is ${Math.ceil(seconds)} seconds older than the oldest that is kept`;
}
