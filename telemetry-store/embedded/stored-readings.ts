import type { FieldValue, Reading } from '#contract/reading.ts';
import type { Statements } from '#sqlite/statements.ts';
import { readingOfFields } from '#telemetry-store/reading-point.ts';
import type { StoredReading } from '#telemetry-store/telemetry-store.ts';
import { type FieldColumn, type MeasurementTables, quoted } from './measurement-tables.ts';

/** Where a page of a scan ended. */
interface ScanPosition {
  readonly device: string;
  readonly measurement: string;
  readonly time: number;
}

export interface ScanRequest {
  readonly fromMs: number;
  readonly toMs: number;
  /** Sorted, without repetition, a few hundred at most. Missing = every device. */
  readonly deviceIds?: readonly string[];
  readonly after?: ScanPosition;
  /** A page ends when it holds this many readings, or enough devices were looked at. */
  readonly pageReadings: number;
}

export interface ScanPage {
  readonly readings: readonly StoredReading[];
  /** Where to go on; missing = the end. */
  readonly next?: ScanPosition;
}

const DEVICES_PER_PAGE = 500;

type SqlValue = string | number;

/** Rows of the measurement tables as readings. Rows without a schema version come from other programs and are left out. */
export class StoredReadings {
  readonly #tables: MeasurementTables;
  readonly #statements: Statements;

  constructor(tables: MeasurementTables, statements: Statements) {
    this.#tables = tables;
    this.#statements = statements;
  }

  latest(deviceId: string, limit: number): readonly Reading[] {
    return this.#tables
      .measurements()
      .flatMap((measurement) =>
        this.#select(measurement, 'device = ? ORDER BY time DESC LIMIT ?', [deviceId, limit]),
      )
      .sort((a, b) => b.ts - a.ts)
      .slice(0, limit);
  }

  /** One device after the other, of each its measurements, of each its times. */
  scan({ fromMs, toMs, deviceIds, after, pageReadings }: ScanRequest): ScanPage {
    const measurements = this.#tables.measurements().sort();
    const deviceAfter = (device: string): string | undefined =>
      deviceIds === undefined
        ? firstDeviceAfter(device, measurements, this.#statements)
        : deviceIds.find((id) => id > device);
    const readings: StoredReading[] = [];
    let resume = after;
    let device = after?.device ?? deviceAfter('');
    for (let looked = 1; device !== undefined; looked++) {
      for (const measurement of measurements) {
        if (resume !== undefined && measurement < resume.measurement) continue;
        const from = measurement === resume?.measurement ? resume.time + 1 : fromMs;
        const room = pageReadings - readings.length;
        const condition = 'device = ? AND time >= ? AND time < ? ORDER BY time LIMIT ?';
        const found = this.#select(measurement, condition, [device, from, toMs, room]);
        for (const reading of found) readings.push({ deviceId: device, ...reading });
        const last = found.at(-1);
        if (found.length === room && last !== undefined) {
          return { readings, next: { device, measurement, time: last.ts } };
        }
      }
      resume = undefined;
      device = deviceAfter(device);
      if (device !== undefined && looked >= DEVICES_PER_PAGE) {
        return { readings, next: { device, measurement: '', time: fromMs } };
      }
    }
    return { readings };
  }

  #select(measurement: string, condition: string, parameters: readonly SqlValue[]): Reading[] {
    const columns = this.#tables.columns(measurement).filter(({ kind }) => kind !== 'tag');
    const version = columns.find(({ name }) => name === 'schemaVersion');
    if (version?.kind !== 'integer') return [];
    const statement = this.#statements.get(
      `SELECT time, ${columns.map(({ column }) => column).join(', ')} FROM ${quoted(measurement)}
       WHERE ${version.column} IS NOT NULL AND ${condition}`,
    );
    statement.setReturnArrays(true);
    const rows = statement.all(...parameters) as unknown as (SqlValue | null)[][];
    return rows.flatMap((row) => readingOfRow(measurement, row, columns) ?? []);
  }
}

/** The next device id in any of the tables, by their primary keys: one look each, however many rows there are. */
export function firstDeviceAfter(
  device: string,
  measurements: readonly string[],
  statements: Statements,
): string | undefined {
  let next: string | undefined;
  for (const measurement of measurements) {
    const sql = `SELECT device FROM ${quoted(measurement)} WHERE device > ? ORDER BY device LIMIT 1`;
    const found = statements.get(sql).get(device) as { readonly device: string } | undefined;
    if (found !== undefined && (next === undefined || found.device < next)) next = found.device;
  }
  return next;
}

function readingOfRow(
  measurement: string,
  row: readonly (SqlValue | null)[],
  columns: readonly FieldColumn[],
): Reading | undefined {
  const fields: [string, FieldValue][] = [];
  for (let i = 0; i < columns.length; i++) {
    const value = row[i + 1];
    const { name, kind } = columns[i] as FieldColumn;
    if (value !== null && value !== undefined) fields.push([name, kind === 'boolean' ? value !== 0 : value]);
  }
  return readingOfFields(measurement, row[0] as number, fields);
}
