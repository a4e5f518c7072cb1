import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Reading } from '#contract/reading.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { makeFolder } from '#runtime/make-folder.ts';
import type { RejectedPoint } from '#telemetry-store/telemetry-store.ts';
import { type ExpireRequest, type ExpireStep, expirePoints } from './expire-points.ts';
import { insertPoints } from './insert-points.ts';
import { MeasurementTables } from './measurement-tables.ts';
import type { PointBatch } from './point-batch.ts';
import { isFull } from './sqlite-failures.ts';
import { Statements } from './statements.ts';
import { takeOwnership } from './store-ownership.ts';
import { type ScanPage, type ScanRequest, StoredReadings } from './stored-readings.ts';

export interface DatabaseOptions {
  readonly dataDir: string;
  /** `owner` writes, and there is one at a time; `beside` only reads, also while an owner is at work. */
  readonly role: 'owner' | 'beside';
}

const FILE_VERSION = 1;
/** How long a transaction waits for a lock that another process (a reader that recovers, a backup) holds. */
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
  readonly #role: 'owner' | 'beside';
  readonly #ownership: Disposable | undefined;
  readonly #database: DatabaseSync;
  readonly #tables: MeasurementTables;
  readonly #statements: Statements;
  readonly #readings: StoredReadings;

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
        makeFolder(dataDir);
        this.#ownership = takeOwnership(dataDir);
      }
      this.#database = new DatabaseSync(file, { readOnly: role === 'beside', timeout: BUSY_TIMEOUT_MS });
      this.#tables = new MeasurementTables(this.#database);
      this.#statements = new Statements(this.#database);
      this.#readings = new StoredReadings(this.#tables, this.#statements);
      const version = Number(this.#database.prepare('PRAGMA user_version').get()?.['user_version']);
      if (version > FILE_VERSION) {
        throw new Error(
          `it has version ${version}, this pipeline knows ${FILE_VERSION}: a newer one wrote it`,
        );
      }
      if (role === 'owner') this.#prepareToWrite(version);
      else if (version === 0) throw absent(dataDir);
      this.#tables.reload();
    } catch (error) {
      this.#ownership?.[Symbol.dispose]();
      if (error instanceof PipelineError) throw error;
      const message = `DATA_DIR: ${file} cannot be used: ${describeError(error)}`;
      throw new PipelineError('configuration', message, { cause: error });
    }
  }

  /** Stores what can be stored, and says which points cannot be. */
  write(batch: PointBatch, oldestMs: number): readonly RejectedPoint[] {
    return this.#transaction(() => insertPoints(this.#tables, this.#statements, batch, oldestMs));
  }

  expire(request: ExpireRequest): ExpireStep {
    return this.#transaction(() => expirePoints(this.#tables, this.#statements, request));
  }

  latest(deviceId: string, limit: number): readonly Reading[] {
    this.#lookForNewFields();
    return this.#readings.latest(deviceId, limit);
  }

  scan(request: ScanRequest): ScanPage {
    this.#lookForNewFields();
    return this.#readings.scan(request);
  }

  ping(): void {
    this.#statements.get('SELECT count(*) FROM _fields').get();
  }

  [Symbol.dispose](): void {
    this.#database.close();
    this.#ownership?.[Symbol.dispose]();
  }

  #prepareToWrite(version: number): void {
    this.#database.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
       PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -32000; PRAGMA journal_size_limit = 67108864`,
    );
    try {
      this.#transaction(() => {
        if (version === 0) MeasurementTables.createIn(this.#database);
        // Also when it changes nothing: a file that cannot be written shows here, not at the first reading.
        this.#database.exec(`PRAGMA user_version = ${FILE_VERSION}`);
      });
    } catch (error) {
      // A disk that is full now may have room later, and what is stored can be read meanwhile.
      if (version === 0 || !isFull(error)) throw error;
    }
  }

  #transaction<T>(run: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = run();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // A full disk has rolled back already. The tables in memory may know columns that were rolled back.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      this.#tables.reload();
      throw error;
    }
  }

  /** Another process, the owner, adds them. */
  #lookForNewFields(): void {
    if (this.#role === 'beside') this.#tables.reload();
  }
}

function absent(dataDir: string): PipelineError {
  const message = `there is no telemetry store in ${dataDir} yet`;
  return new PipelineError('store-unavailable', message, { retryable: true });
}
