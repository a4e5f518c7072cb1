import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { holdFileLock } from '#runtime/file-lock.ts';
import { type DatabaseSettings, openForWriting } from '#sqlite/open-database.ts';

/**
 * Thousands of devices that write in turn touch a page each: hence a page cache and a write-ahead log larger than
 * SQLite's defaults.
 */
const SETTINGS: DatabaseSettings = {
  // For a reader that recovers, or a backup.
  busyTimeoutMs: 5_000,
  checkpointPages: 4_000,
  walKeptBytes: 64 * 1024 * 1024,
  cacheKib: 32_000,
};

/**
 * `owner`: reads, writes and removes what is old; one at a time, over all processes. `guest`: reads and writes beside an
 * owner or without one (SQLite lets one transaction in at a time). `beside`: only reads.
 */
export type StoreRole = 'owner' | 'guest' | 'beside';

export function storeFileIn(dataDir: string): string {
  return join(dataDir, 'telemetry-store.db');
}

/** Opens the file of the store. Who writes makes it where it is missing. */
export function openStoreFile(file: string, role: StoreRole): DatabaseSync {
  if (role === 'beside') return new DatabaseSync(file, { readOnly: true, timeout: SETTINGS.busyTimeoutMs });
  return openForWriting(file, SETTINGS);
}

/** The ownership of the store of a folder, which one process has at a time; `undefined` while another one has it. */
export function holdStore(dataDir: string): Disposable | undefined {
  // On a file of its own: others may read the store's.
  return holdFileLock(join(dataDir, 'telemetry-store.lock'));
}
