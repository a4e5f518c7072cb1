import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { PipelineError } from '#runtime/errors.ts';
import { makeFolder } from '#runtime/make-folder.ts';
import { count, type DatabaseSettings, openForWriting } from '#sqlite/open-database.ts';

/** "IOTL": tells an event log from other SQLite files. */
const APPLICATION_ID = 0x49_4f_54_4c;
const SCHEMA_VERSION = 1;

const CHECKPOINT_PAGES = 4_000;
export const LOG_FILE_SETTINGS: DatabaseSettings = {
  // For a command-line tool that appends. A thread that waits holds up nothing else.
  busyTimeoutMs: 2_000,
  checkpointPages: CHECKPOINT_PAGES,
  // The write-ahead log keeps this size instead of being cut to nothing. On a full disk it is the room in which commits
  // of consumers and removals still fit, which is how the log gets out of that state.
  walKeptBytes: 4 * 1024 * CHECKPOINT_PAGES,
};

/**
 * `auto_vacuum = INCREMENTAL`: removed records leave free pages, which later records reuse; what is not reused is given
 * back to the file system in small steps (see `LogRetention`), so that the backlog of a long outage does not keep its
 * disk space for ever. Its cost was not measurable beside the fsync.
 *
 * `committed_offset` -1: the group subscribed but never committed; from then on, retention waits for it.
 * `key` and `is_tombstone` are set in compacted topics only, whose rows hold one record each.
 */
const SCHEMA = `
  CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    cleanup TEXT NOT NULL CHECK (cleanup IN ('delete', 'compact')),
    retention_ms INTEGER NOT NULL,
    next_offset INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE record_batches (
    topic_id INTEGER NOT NULL REFERENCES topics (id),
    base_offset INTEGER NOT NULL,
    records INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    key BLOB,
    is_tombstone INTEGER NOT NULL DEFAULT 0,
    payload BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX record_batches_by_offset ON record_batches (topic_id, base_offset);
  CREATE INDEX record_batches_by_key ON record_batches (topic_id, key) WHERE key IS NOT NULL;
  CREATE TABLE consumer_groups (
    topic_id INTEGER NOT NULL REFERENCES topics (id),
    name TEXT NOT NULL,
    committed_offset INTEGER NOT NULL DEFAULT -1,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (topic_id, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE write_probe (id INTEGER PRIMARY KEY CHECK (id = 0), filling BLOB NOT NULL) STRICT;
  INSERT INTO write_probe VALUES (0, zeroblob(65536));
`;

export interface LogPaths {
  readonly file: string;
  /** The lock file with this name. */
  lock(name: string): string;
}

export function logPaths(dataDir: string): LogPaths {
  const locks = join(dataDir, 'locks');
  return {
    file: join(dataDir, 'event-log.sqlite'),
    lock: (name) => join(locks, `event-log.${fileNameOf(name)}.lock`),
  };
}

/** Readable where possible; file systems allow 255 bytes. */
function fileNameOf(name: string): string {
  const readable = encodeURIComponent(name.toWellFormed());
  return readable.length <= 200 ? readable : createHash('sha256').update(name).digest('hex');
}

/** @throws PipelineError `configuration` when the folder cannot be made, or is missing and `create` is false */
export function prepareFolder(dataDir: string, create: boolean): void {
  if (!create && !existsSync(logPaths(dataDir).file)) {
    throw new PipelineError(
      'configuration',
      `DATA_DIR: there is no event log in ${dataDir}; has the pipeline run there?`,
    );
  }
  try {
    makeFolder(join(dataDir, 'locks'));
  } catch (cause) {
    throw unusable(dataDir, cause);
  }
}

/**
 * Verifies that the file is an event log of this version; the owner creates it when it is missing, and must be able to
 * write it.
 * @throws PipelineError `configuration`, naming DATA_DIR
 */
export function prepareLogFile(dataDir: string, role: 'owner' | 'beside'): void {
  const { file } = logPaths(dataDir);
  try {
    const database = openForWriting(file, LOG_FILE_SETTINGS);
    try {
      if (role === 'owner' && count(database, 'page_count') === 0) create(database);
      verify(database, file);
      if (role === 'owner') verifyWritable(database);
    } finally {
      database.close();
    }
  } catch (cause) {
    throw unusable(file, cause);
  }
}

/** Opens the prepared file for one thread. */
export function openLogFile(file: string, access: 'write' | 'read'): DatabaseSync {
  const database = openForWriting(file, LOG_FILE_SETTINGS);
  if (access === 'read') database.exec('PRAGMA query_only = ON');
  return database;
}

function create(database: DatabaseSync): void {
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL');
  database.exec(
    `BEGIN IMMEDIATE; ${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`,
  );
}

function verify(database: DatabaseSync, file: string): void {
  if (count(database, 'application_id') !== APPLICATION_ID) {
    throw new PipelineError('configuration', `DATA_DIR: ${file} is an SQLite file, but not an event log`);
  }
  const version = count(database, 'user_version');
  if (version !== SCHEMA_VERSION) {
    throw new PipelineError(
      'configuration',
      `DATA_DIR: ${file} has version ${version}, this pipeline reads version ${SCHEMA_VERSION}`,
    );
  }
}

/** Fails on a file that may only be read, and on one whose schema is broken. Nothing is changed. */
function verifyWritable(database: DatabaseSync): void {
  database.exec(
    'BEGIN IMMEDIATE; UPDATE topics SET next_offset = next_offset WHERE id < 0; DELETE FROM consumer_groups WHERE topic_id < 0; ROLLBACK',
  );
}

function unusable(path: string, cause: unknown): PipelineError {
  if (cause instanceof PipelineError) return cause;
  return new PipelineError('configuration', `DATA_DIR: ${path} cannot be used as event log`, { cause });
}
