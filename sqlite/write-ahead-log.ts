import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';

/** Bytes of the write-ahead log beside `file`; 0 when there is none. */
export function walBytes(file: string): number {
  return statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * The write-ahead log of a file that this connection writes. SQLite moves it into the file and begins it anew, unless
 * somebody still reads an older state: then it grows with every commit, for as long as that takes, and no setting of
 * SQLite bounds it.
 */
export class WriteAheadLog {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #keptBytes: number;

  /** @param keptBytes the size that it has anyway. */
  constructor(database: DatabaseSync, keptBytes: number) {
    this.#database = database;
    this.#file = database.location() ?? '';
    this.#keptBytes = keptBytes;
  }

  /** Bytes beyond its usual size. */
  excessBytes(): number {
    return Math.max(0, walBytes(this.#file) - this.#keptBytes);
  }

  /**
   * Cuts what is beyond the usual size as soon as nobody reads it any more; waits for nobody. Not inside a transaction.
   */
  cutExcess(): void {
    if (this.excessBytes() === 0) return;
    const { timeout } = this.#database.prepare('PRAGMA busy_timeout').get() as { readonly timeout: number };
    this.#database.exec(
      `PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = ${timeout}`,
    );
  }
}

/** Moves all that the write-ahead log of an open database holds to its file. @throws Error when somebody reads an older state for so long */
export function emptyWriteAheadLog(database: DatabaseSync): void {
  const { busy } = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { readonly busy: number };
  if (busy !== 0) throw new Error('its write-ahead log is still read by somebody');
}
