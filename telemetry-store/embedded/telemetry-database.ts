import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { Reading } from '#contract/reading.ts';
import { PipelineError } from '#runtime/errors.ts';
import { beginSeenTime, type SeenTimeState } from '#runtime/seen-time.ts';
import type { RescuableDatabase } from '#sqlite/displacement-watch.ts';
import { count } from '#sqlite/open-database.ts';
import { rescueCopy } from '#sqlite/rescued-file.ts';
import { isFull } from '#sqlite/sqlite-failure.ts';
import { Statements } from '#sqlite/statements.ts';
import { inTransaction } from '#sqlite/transaction.ts';
import { unusableFile } from '#sqlite/unusable-file.ts';
import { emptyWriteAheadLog } from '#sqlite/write-ahead-log.ts';
import type { RejectedPoint, StoredField } from '#telemetry-store/telemetry-store.ts';
import { type ExpireRequest, type ExpireStep, expirePoints } from './expire-points.ts';
import { insertPoints } from './insert-points.ts';
import { MeasurementTables } from './measurement-tables.ts';
import { openStoreFile, type StoreRole, storeFileIn } from './store-file.ts';
import { keepLayout } from './store-layout.ts';
import type { LatestRequest, SeenTimeRequest, StoreCalls, WriteRequest } from './store-thread-calls.ts';
import { type ScanPage, type ScanRequest, StoredReadings } from './stored-readings.ts';

export interface DatabaseOptions {
  readonly dataDir: string;
  readonly role: StoreRole;
}

const FILE_VERSION = 1;

/**
 * The file of the embedded store, used by one thread. WAL with `synchronous=FULL`: a commit is on the disk when it
 * returns, so a resolved write survives a killed process and, if the disk does not lie about its cache, a power cut.
 *
 * Rows are clustered by (device, time): what is asked for is always the newest or a range of one device.
 *
 * Everything throws SQLite's own errors.
 */
export class TelemetryDatabase implements StoreCalls, RescuableDatabase {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #tables: MeasurementTables;
  readonly #statements: Statements;
  readonly #readings: StoredReadings;
  /** Of the tables that are known; another one: another process has changed them. */
  #schemaVersion: number | undefined;

  /**
   * @throws PipelineError `store-unavailable` for a reader that came before any owner made the file, or on a full disk
   * @throws PipelineError `configuration`, naming DATA_DIR, when the file cannot be used
   */
  constructor({ dataDir, role }: DatabaseOptions) {
    const file = storeFileIn(dataDir);
    this.#file = file;
    if (role === 'beside' && !existsSync(file)) throw absent(dataDir);
    try {
      this.#database = openStoreFile(file, role);
      this.#tables = new MeasurementTables(this.#database);
      this.#statements = new Statements(this.#database);
      this.#readings = new StoredReadings(this.#tables, this.#statements);
      const version = count(this.#database, 'user_version');
      if (version > FILE_VERSION) {
        throw new Error(
          `it has version ${version}, this pipeline knows ${FILE_VERSION}: a newer one wrote it`,
        );
      }
      if (role !== 'beside') this.#prepareToWrite(version);
      else if (version === 0) throw absent(dataDir);
      this.#lookForChanges();
    } catch (error) {
      throw unusableFile(file, error, 'store-unavailable');
    }
  }

  write({ batch, oldestMs }: WriteRequest): readonly RejectedPoint[] {
    return this.#transaction(() => insertPoints(this.#tables, this.#statements, batch, oldestMs));
  }

  expire(request: ExpireRequest): ExpireStep {
    return this.#transaction(() => expirePoints(this.#tables, this.#statements, request));
  }

  seenTime({ nowMs }: SeenTimeRequest): SeenTimeState {
    const exists = this.#statements.get("SELECT 1 FROM sqlite_schema WHERE name = '_clock'").get();
    if (exists === undefined) return beginSeenTime(nowMs);
    const kept = this.#statements.get('SELECT seen_time FROM _clock').get()?.['seen_time'];
    return kept === undefined ? beginSeenTime(nowMs) : (JSON.parse(String(kept)) as SeenTimeState);
  }

  keepTime(state: SeenTimeState): void {
    MeasurementTables.createClockIn(this.#database);
    this.#statements.get('INSERT OR REPLACE INTO _clock VALUES (0, ?)').run(JSON.stringify(state));
  }

  latest({ deviceId, limit }: LatestRequest): readonly Reading[] {
    this.#lookForChanges();
    return this.#readings.latest(deviceId, limit);
  }

  fields(): readonly StoredField[] {
    this.#lookForChanges();
    return this.#tables.fields();
  }

  scan(request: ScanRequest): ScanPage {
    this.#lookForChanges();
    return this.#readings.scan(request);
  }

  ping(): void {
    this.#statements.get('SELECT count(*) FROM _fields').get();
  }

  rescue(): string {
    return rescueCopy(this.#file, this.#database);
  }

  emptyWriteAheadLog(): void {
    emptyWriteAheadLog(this.#database);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #prepareToWrite(version: number): void {
    this.#database.exec('PRAGMA journal_mode = WAL');
    try {
      inTransaction(this.#database, () => {
        if (version === 0) MeasurementTables.createIn(this.#database);
        keepLayout(this.#database);
        // Also when it changes nothing: a file that cannot be written shows here, not at the first reading.
        this.#database.exec(`PRAGMA user_version = ${FILE_VERSION}`);
      });
    } catch (error) {
      // A disk that is full now may have room later, and what is stored can be read meanwhile.
      if (version === 0 || !isFull(error)) throw error;
    }
  }

  #transaction<T>(run: () => T): T {
    try {
      return inTransaction(this.#database, () => {
        this.#lookForChanges();
        return run();
      });
    } catch (error) {
      // The tables in memory may know columns that were rolled back.
      this.#schemaVersion = undefined;
      throw error;
    }
  }

  /** Another process may have added tables and columns: whoever writes does. */
  #lookForChanges(): void {
    const version = Number(this.#statements.get('PRAGMA schema_version').get()?.['schema_version']);
    if (version === this.#schemaVersion) return;
    this.#tables.reload();
    this.#schemaVersion = version;
  }
}

function absent(dataDir: string): PipelineError {
  const message = `there is no telemetry store in ${dataDir} yet`;
  return new PipelineError('store-unavailable', message, { retryable: true });
}
