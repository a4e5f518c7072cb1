import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { FieldKind, FieldValue, Reading } from '#contract/reading.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { readingOfFields } from '#telemetry-store/reading-point.ts';
import type { RejectedPoint, StoredReading } from '#telemetry-store/telemetry-store.ts';
import { MeasurementTables, quoted } from './measurement-tables.ts';
import type { PointBatch, PointShape } from './point-batch.ts';

export interface DatabaseOptions {
  readonly dataDir: string;
  /** `owner` writes, and there is one at a time; `beside` only reads, also while an owner is at work. */
  readonly role: 'owner' | 'beside';
}

/** Where a page of a scan ended. */
export interface ScanPosition {
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
  /** A page ends when it holds this many readings, or that many devices were looked at. */
  readonly pageReadings: number;
}

export interface ScanPage {
  readonly readings: readonly StoredReading[];
  /** Where to go on; missing = the end. */
  readonly next?: ScanPosition;
}

export interface ExpireRequest {
  /** Points with an earlier time are removed. */
  readonly beforeMs: number;
  readonly after?: Pick<ScanPosition, 'measurement' | 'device'>;
  /** A step ends when it has removed this many points, or looked at enough devices. */
  readonly stepPoints: number;
}

export interface ExpireStep {
  readonly removed: number;
  readonly next?: Pick<ScanPosition, 'measurement' | 'device'>;
}

const FILE_VERSION = 1;
const STATEMENTS_KEPT = 256;
const DEVICES_PER_STEP = 500;
/** How long a transaction waits for a lock that another process (a checkpoint of a reader, a backup) holds. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * The file of the embedded store, used by one thread. WAL with `synchronous=FULL`: a commit is on the disk when it
 * returns, so a resolved write survives a killed process and, if the disk does not lie about its cache, a power cut.
 *
 * Rows are clustered by (device, time): what is asked for is always the newest or a range of one device. The price is
 * paid when thousands of devices write in turn, because each of them touches its own page: hence a page cache and a
 * write-ahead log larger than SQLite's defaults.
 *
 * Everything throws SQLite's own errors (`sqlite-failures.ts` tells what they mean).
 */
export class TelemetryDatabase implements Disposable {
  readonly #database: DatabaseSync;
  readonly #ownership: DatabaseSync | undefined;
  readonly #tables: MeasurementTables;
  readonly #role: 'owner' | 'beside';
  /** Prepared statements by their SQL, the one used longest ago first. */
  readonly #statements = new Map<string, StatementSync>();

  /**
   * @throws PipelineError `store-unavailable` for a reader that came before any owner made the file
   * @throws PipelineError `configuration`, naming DATA_DIR, when the file cannot be used or another owner has it
   */
  constructor({ dataDir, role }: DatabaseOptions) {
    this.#role = role;
    const file = join(dataDir, 'telemetry-store.db');
    if (role === 'beside' && !existsSync(file)) throw absent(dataDir);
    try {
      if (role === 'owner') {
        mkdirSync(dataDir, { recursive: true });
        this.#ownership = takeOwnership(dataDir);
      }
      this.#database = new DatabaseSync(file, { readOnly: role === 'beside', timeout: BUSY_TIMEOUT_MS });
      this.#tables = new MeasurementTables(this.#database);
      this.#prepareFile(dataDir);
    } catch (error) {
      this.#ownership?.close();
      if (error instanceof PipelineError) throw error;
      throw new PipelineError('configuration', `DATA_DIR: ${file} cannot be used: ${describeError(error)}`, {
        cause: error,
      });
    }
  }

  /** Stores what can be stored in one transaction, and says which points cannot be. */
  write(batch: PointBatch, oldestMs: number): readonly RejectedPoint[] {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const rejected = this.#insert(batch, oldestMs);
      this.#database.exec('COMMIT');
      return rejected;
    } catch (error) {
      // A full disk has rolled back already. The tables in memory may know columns that were rolled back.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      this.#tables.reload();
      throw error;
    }
  }

  latest(deviceId: string, limit: number): readonly Reading[] {
    this.#refresh();
    const readings: Reading[] = [];
    for (const measurement of this.#tables.measurements()) {
      readings.push(...this.#select(measurement, 'device = ? ORDER BY time DESC LIMIT ?', [deviceId, limit]));
    }
    readings.sort((a, b) => b.ts - a.ts);
    return readings.slice(0, limit);
  }

  scan({ fromMs, toMs, deviceIds, after, pageReadings }: ScanRequest): ScanPage {
    this.#refresh();
    const measurements = this.#tables.measurements().sort();
    const readings: StoredReading[] = [];
    let device =
      after?.device ?? nextOf(deviceIds, '') ?? (deviceIds === undefined ? this.#deviceAfter('') : undefined);
    let resume = after;
    for (let steps = 0; device !== undefined; steps++) {
      for (const measurement of measurements) {
        if (resume !== undefined && measurement < resume.measurement) continue;
        const from = resume !== undefined && measurement === resume.measurement ? resume.time + 1 : fromMs;
        const room = pageReadings - readings.length;
        const rows = this.#select(
          measurement,
          'device = ? AND time >= ? AND time < ? ORDER BY time LIMIT ?',
          [device, from, toMs, room],
        );
        for (const row of rows) readings.push({ deviceId: device, ...row });
        const last = rows.at(-1);
        if (rows.length === room && last !== undefined) {
          return { readings, next: { device, measurement, time: last.ts } };
        }
      }
      resume = undefined;
      const next: string | undefined =
        deviceIds === undefined ? this.#deviceAfter(device) : nextOf(deviceIds, device);
      if (next !== undefined && steps >= DEVICES_PER_STEP) {
        return { readings, next: { device: next, measurement: '', time: fromMs - 1 } };
      }
      device = next;
    }
    return { readings };
  }

  /** Removes old points step by step, so that writes get their turn in between. */
  expire({ beforeMs, after, stepPoints }: ExpireRequest): ExpireStep {
    let removed = 0;
    let looked = 0;
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const measurement of this.#tables.measurements().sort()) {
        if (after !== undefined && measurement < after.measurement) continue;
        const table = quoted(measurement);
        const expire = this.#statement(
          `DELETE FROM ${table} WHERE (device, time) IN
             (SELECT device, time FROM ${table} WHERE device = ? AND time < ? ORDER BY time LIMIT ?)`,
        );
        let done = measurement === after?.measurement ? after.device : '';
        for (let device = this.#deviceAfter(done, [measurement]); device !== undefined; looked++) {
          if (removed >= stepPoints || looked >= DEVICES_PER_STEP) {
            this.#database.exec('COMMIT');
            return { removed, next: { measurement, device: done } };
          }
          const { changes } = expire.run(device, beforeMs, stepPoints - removed);
          removed += Number(changes);
          if (removed < stepPoints) {
            done = device;
            device = this.#deviceAfter(device, [measurement]);
          }
        }
      }
      this.#database.exec('COMMIT');
      return { removed };
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  ping(): void {
    this.#statement('SELECT count(*) FROM _fields').get();
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#database.close();
    this.#ownership?.close();
  }

  #prepareFile(dataDir: string): void {
    const version = Number(this.#database.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version > FILE_VERSION) {
      throw new Error(`it has version ${version}, this pipeline knows ${FILE_VERSION}: a newer one wrote it`);
    }
    if (this.#role === 'beside' && version === 0) throw absent(dataDir);
    if (this.#role === 'owner') {
      this.#database.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -32000; PRAGMA journal_size_limit = 67108864`,
      );
      // Also on a file that is complete: a file that cannot be written shows here, not at the first reading.
      this.#database.exec('BEGIN IMMEDIATE');
      if (version === 0) {
        MeasurementTables.createIn(this.#database);
        this.#database.exec(`PRAGMA user_version = ${FILE_VERSION}`);
      }
      this.#database.exec('COMMIT');
    }
    this.#tables.reload();
  }

  #insert(batch: PointBatch, oldestMs: number): RejectedPoint[] {
    const { shapeOf, deviceOf, timestamps, values } = batch;
    const targets = batch.shapes.map((shape) => this.#target(shape));
    const rejected: RejectedPoint[] = [];
    let at = 0;
    for (let index = 0; index < timestamps.length; index++) {
      const target = targets[shapeOf[index] as number] as WriteTarget;
      const time = timestamps[index] as number;
      const row: (string | number)[] = [batch.devices[deviceOf[index] as number] as string, time];
      let reason = target.reason ?? (time < oldestMs ? beyondRetention(time, oldestMs) : undefined);
      for (const { name, kind } of target.shape.fields) {
        const value = values[at++] as FieldValue;
        reason ??= unstorable(name, kind, value);
        row.push(typeof value === 'boolean' ? Number(value) : value);
      }
      if (reason === undefined) target.insert?.run(...row);
      else rejected.push({ index, reason });
    }
    return rejected;
  }

  #target(shape: PointShape): WriteTarget {
    const held = this.#tables.columnsFor(shape);
    if ('reason' in held) return { shape, reason: held.reason, insert: undefined };
    const columns = held.columns.map(({ column }) => column);
    const insert = this.#statement(
      `INSERT INTO ${quoted(shape.measurement)} (device, time, ${columns.join(', ')})
       VALUES (?, ?${', ?'.repeat(columns.length)})
       ON CONFLICT (device, time) DO UPDATE SET ${columns.map((c) => `${c} = excluded.${c}`).join(', ')}`,
    );
    return { shape, reason: undefined, insert };
  }

  #select(measurement: string, condition: string, parameters: readonly (string | number)[]): Reading[] {
    const columns = this.#tables.columns(measurement);
    const version = columns.find(({ name }) => name === 'schemaVersion');
    if (version?.kind !== 'integer') return [];
    const statement = this.#statement(
      `SELECT time, ${columns.map(({ column }) => column).join(', ')} FROM ${quoted(measurement)}
       WHERE ${version.column} IS NOT NULL AND ${condition}`,
    );
    statement.setReturnArrays(true);
    const rows = statement.all(...parameters) as unknown as (string | number | null)[][];
    return rows.flatMap((row) => readingOfRow(measurement, row, columns) ?? []);
  }

  /** The first device id above `device`, by the primary keys: one look per measurement however many rows there are. */
  #deviceAfter(device: string, measurements = this.#tables.measurements()): string | undefined {
    let next: string | undefined;
    for (const measurement of measurements) {
      const sql = `SELECT device FROM ${quoted(measurement)} WHERE device > ? ORDER BY device LIMIT 1`;
      const found = this.#statement(sql).get(device) as { device: string } | undefined;
      if (found !== undefined && (next === undefined || found.device < next)) next = found.device;
    }
    return next;
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) statement = this.#database.prepare(sql);
    else this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    if (this.#statements.size > STATEMENTS_KEPT) {
      for (const oldest of this.#statements.keys()) {
        this.#statements.delete(oldest);
        break;
      }
    }
    return statement;
  }

  /** The owner may have added fields since. */
  #refresh(): void {
    if (this.#role === 'beside') this.#tables.reload();
  }
}

interface WriteTarget {
  readonly shape: PointShape;
  readonly reason: string | undefined;
  readonly insert: StatementSync | undefined;
}

function absent(dataDir: string): PipelineError {
  return new PipelineError('store-unavailable', `there is no telemetry store in ${dataDir} yet`, {
    retryable: true,
  });
}

/**
 * An exclusive lock on a file of its own, as a transaction that never ends: it ends with its process, however that
 * ends, so nothing stale can remain. Not on the store's own file, which others may read.
 */
function takeOwnership(dataDir: string): DatabaseSync {
  const lock = new DatabaseSync(join(dataDir, 'telemetry-store.lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: unknown }).errcode !== 5) throw error;
    throw new Error('another running pipeline owns it', { cause: error });
  }
}

function readingOfRow(
  measurement: string,
  row: readonly (string | number | null)[],
  columns: readonly { readonly name: string; readonly kind: FieldKind }[],
): Reading | undefined {
  const fields: [string, FieldValue][] = [];
  for (let i = 0; i < columns.length; i++) {
    const value = row[i + 1];
    const { name, kind } = columns[i] as (typeof columns)[number];
    if (value !== null && value !== undefined) fields.push([name, kind === 'boolean' ? value !== 0 : value]);
  }
  return readingOfFields(measurement, row[0] as number, fields);
}

/** SQLite would store NaN as NULL; and node:sqlite cannot read back integers that a double cannot hold. */
function unstorable(name: string, kind: FieldKind, value: FieldValue): string | undefined {
  if (kind === 'float' && !Number.isFinite(value)) return `field "${name}" is not a finite number`;
  if (kind === 'integer' && !Number.isSafeInteger(value))
    return `field "${name}" is out of range for an integer`;
  return undefined;
}

function beyondRetention(time: number, oldestMs: number): string {
  const [at, oldest] = [new Date(time), new Date(oldestMs)].map((date) =>
    Number.isNaN(date.getTime()) ? String(time) : date.toISOString(),
  );
  return `point beyond retention policy: its time ${at} is before ${oldest}`;
}

function nextOf(sorted: readonly string[] | undefined, after: string): string | undefined {
  return sorted?.find((id) => id > after);
}
