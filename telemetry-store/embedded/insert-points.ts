import type { StatementSync } from 'node:sqlite';
import type { Statements } from '#sqlite/statements.ts';
import type { RejectedPoint } from '#telemetry-store/telemetry-store.ts';
import { type MeasurementTables, quoted } from './measurement-tables.ts';
import type { PointBatch, PointShape, ShapeField } from './point-batch.ts';

/** Where the points of a shape go, or why they cannot. */
interface Target {
  readonly shape: PointShape;
  readonly insert: StatementSync | undefined;
  readonly reason: string | undefined;
}

/**
 * Inserts the points of a batch, or merges them into those that are there, and says which cannot be stored, in words
 * like InfluxDB's. Must run inside a transaction.
 *
 * One row a statement: with 32, devices that write in turn (200 of them, a page each) took twice the time; only rows that
 * were sorted before took less.
 */
export function insertPoints(
  tables: MeasurementTables,
  statements: Statements,
  batch: PointBatch,
  oldestMs: number,
): RejectedPoint[] {
  const { devices, shapeOf, deviceOf, timestamps, values } = batch;
  const targets = batch.shapes.map((shape) => targetOf(shape, tables, statements));
  const rejected: RejectedPoint[] = [];
  let at = 0;
  for (let index = 0; index < timestamps.length; index++) {
    const { shape, insert, reason: conflict } = targets[shapeOf[index] as number] as Target;
    const time = timestamps[index] as number;
    const row: (string | number)[] = [devices[deviceOf[index] as number] as string, time];
    let reason = conflict ?? (time < oldestMs ? beyondRetention(time, oldestMs) : undefined);
    for (const field of shape.fields) {
      const value = values[at++] as number | string;
      reason ??= unstorable(field, value);
      row.push(value);
    }
    if (reason === undefined) insert?.run(...row);
    else rejected.push({ index, reason });
  }
  return rejected;
}

function targetOf(shape: PointShape, tables: MeasurementTables, statements: Statements): Target {
  const held = tables.columnsFor(shape);
  if ('reason' in held) return { shape, insert: undefined, reason: held.reason };
  const columns = held.columns.map(({ column }) => column);
  const insert = statements.get(
    `INSERT INTO ${quoted(shape.measurement)} (device, time, ${columns.join(', ')})
     VALUES (?, ?${', ?'.repeat(columns.length)})
     ON CONFLICT (device, time) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`,
  );
  return { shape, insert, reason: undefined };
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
