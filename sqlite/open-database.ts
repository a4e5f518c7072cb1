import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { makePrivateFile } from '#runtime/private-file.ts';

export interface DatabaseSettings {
  /** How long a transaction waits for a lock that another process holds. Milliseconds. */
  readonly busyTimeoutMs: number;
  /** Pages of 4 KiB in the write-ahead log at which they are moved to the file: fewer, larger moves than SQLite's 1,000. */
  readonly checkpointPages: number;
  /** The write-ahead log is cut to this size after it was larger. Bytes. */
  readonly walKeptBytes: number;
  /** Memory for pages, in KiB; SQLite's own default where it is missing. */
  readonly cacheKib?: number;
}

/**
 * Opens a file so that a commit is on the disk when it returns: what was committed survives a killed process and, if
 * the disk does not lie about its cache, a power cut (P1, P2). `fullfsync` says the same to macOS, whose `fsync` stops
 * at the disk's cache.
 */
export function openForWriting(file: string, settings: DatabaseSettings): DatabaseSync {
  assertFile(file);
  makePrivateFile(file);
  return prepared(new DatabaseSync(file, { timeout: settings.busyTimeoutMs }), settings);
}

/** As {@link openForWriting}, of a file that is there: one that is not is no empty one. @throws Error of SQLite, CANTOPEN */
export function openExisting(file: string, settings: DatabaseSettings): DatabaseSync {
  assertFile(file);
  const location = new URL(`${pathToFileURL(file)}?mode=rw`);
  return prepared(new DatabaseSync(location, { timeout: settings.busyTimeoutMs }), settings);
}

/** Whoever opens a pipe waits for somebody at its other end, and with it the process. */
function assertFile(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats?.isFile() === false && !stats.isDirectory())
    throw new Error('it is no file, but a pipe, socket or device');
}

function prepared(database: DatabaseSync, settings: DatabaseSettings): DatabaseSync {
  try {
    database.exec(`
      PRAGMA synchronous = FULL;
      PRAGMA fullfsync = ON;
      PRAGMA wal_autocheckpoint = ${settings.checkpointPages};
      PRAGMA journal_size_limit = ${settings.walKeptBytes};
    `);
    if (settings.cacheKib !== undefined) database.exec(`PRAGMA cache_size = -${settings.cacheKib}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** One of SQLite's counting pragmas. */
export function count(
  database: DatabaseSync,
  pragma:
    | 'page_count'
    | 'freelist_count'
    | 'page_size'
    | 'user_version'
    | 'application_id'
    | 'data_version'
    | 'schema_version',
): number {
  return Number(database.prepare(`PRAGMA ${pragma}`).get()?.[pragma]);
}
