import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { PipelineError } from '#runtime/errors.ts';
import { makeFolder } from '#runtime/make-folder.ts';
import { beginSeenTime, type SeenTimeState } from '#runtime/seen-time.ts';
import { count, type DatabaseSettings, openExisting, openForWriting } from '#sqlite/open-database.ts';
import { inTransaction } from '#sqlite/transaction.ts';
import { unusableFile } from '#sqlite/unusable-file.ts';

const WHEN_FULL = 'event-log-unavailable';
const UNUSABLE = 'cannot be used as event log';
/** "IOTL": tells an event log from other SQLite files. */
const APPLICATION_ID = 0x49_4f_54_4c;
const SCHEMA_VERSION = 2;

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
 * `key`: of compacted topics, whose rows hold one record each, and of topics with a share, whose rows hold records of
 * one key. `is_tombstone`: of compacted topics only.
 *
 * Two times stand beside each other. `timestamp` is the wall clock's, for people and for lag. Retention goes by
 * `seen_at`, on the scale of `log_state.seen_ms`, which no clock can move (`runtime/seen-time.ts`). The limit stands in
 * the file, so that every process that writes obeys the same one.
 */
const SCHEMA = `
  CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    cleanup TEXT NOT NULL CHECK (cleanup IN ('delete', 'compact')),
    retention_ms INTEGER NOT NULL,
    next_offset INTEGER NOT NULL DEFAULT 0,
    share_of_log REAL,
    share_per_key REAL,
    settled_in TEXT,
    share_bytes INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE record_batches (
    topic_id INTEGER NOT NULL REFERENCES topics (id),
    base_offset INTEGER NOT NULL,
    records INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    seen_at INTEGER,
    key BLOB,
    is_tombstone INTEGER NOT NULL DEFAULT 0,
    is_deflated INTEGER NOT NULL DEFAULT 0,
    share_bytes INTEGER,
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

/** Rows of version 1 have no `seen_at` (their timestamp stands for it) and count towards no share: they go in time. */
const UPGRADE_FROM_1 = `
  ALTER TABLE topics ADD COLUMN share_of_log REAL;
  ALTER TABLE topics ADD COLUMN share_per_key REAL;
  ALTER TABLE topics ADD COLUMN settled_in TEXT;
  ALTER TABLE topics ADD COLUMN share_bytes INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE record_batches ADD COLUMN seen_at INTEGER;
  ALTER TABLE record_batches ADD COLUMN is_deflated INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE record_batches ADD COLUMN share_bytes INTEGER;
`;

/** Triggers keep the sums right, whoever removes a row and why. */
const STATE_AND_SHARES = `
  CREATE TABLE log_state (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    seen_ms INTEGER NOT NULL,
    seen_time TEXT NOT NULL,
    max_bytes INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE key_shares (
    topic_id INTEGER NOT NULL REFERENCES topics (id),
    key BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (topic_id, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER share_taken AFTER INSERT ON record_batches WHEN new.share_bytes IS NOT NULL BEGIN
    UPDATE topics SET share_bytes = share_bytes + new.share_bytes WHERE id = new.topic_id;
    INSERT INTO key_shares VALUES (new.topic_id, new.key, new.share_bytes)
      ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER share_released AFTER DELETE ON record_batches WHEN old.share_bytes IS NOT NULL BEGIN
    UPDATE topics SET share_bytes = share_bytes - old.share_bytes WHERE id = old.topic_id;
    UPDATE key_shares SET bytes = bytes - old.share_bytes WHERE topic_id = old.topic_id AND key = old.key;
    DELETE FROM key_shares WHERE topic_id = old.topic_id AND key = old.key AND bytes <= 0;
  END;
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
    throw unusableFile(dataDir, cause, WHEN_FULL, UNUSABLE);
  }
}

/**
 * Verifies that the file is an event log of this version. The owner creates it when it is missing, brings an older one
 * up to date, must be able to write it, and sets its limit.
 *
 * @param owner `undefined` for whoever works beside the owner.
 * @returns what processes before this one saw of time.
 * @throws PipelineError `configuration`, naming DATA_DIR
 */
export function prepareLogFile(
  dataDir: string,
  owner: { readonly maxBytes: number; readonly nowMs: number } | undefined,
): SeenTimeState {
  const { file } = logPaths(dataDir);
  try {
    const database = (owner === undefined ? openExisting : openForWriting)(file, LOG_FILE_SETTINGS);
    try {
      if (owner !== undefined && isBlank(database)) createLog(database, owner.nowMs);
      verify(database, file, owner?.nowMs);
      if (owner !== undefined) {
        // A copy of a log (a backup, a rescued one) may come without.
        database.exec('PRAGMA journal_mode = WAL');
        setLimit(database, owner.maxBytes);
      }
      const kept = database.prepare('SELECT seen_time FROM log_state').get()?.['seen_time'];
      return JSON.parse(String(kept)) as SeenTimeState;
    } finally {
      database.close();
    }
  } catch (cause) {
    throw unusableFile(file, cause, WHEN_FULL, UNUSABLE);
  }
}

/** Opens the prepared file for one thread. */
export function openLogFile(file: string, access: 'write' | 'read'): DatabaseSync {
  const database = openExisting(file, LOG_FILE_SETTINGS);
  if (access === 'read') database.exec('PRAGMA query_only = ON');
  return database;
}

/** Nothing was ever in it: it is new, or a process was killed while it made its log. */
function isBlank(database: DatabaseSync): boolean {
  const marks = ['application_id', 'user_version', 'schema_version'] as const;
  return marks.every((mark) => count(database, mark) === 0);
}

/** Makes an empty log. @param nowMs where time seen to pass begins. */
export function createLog(database: DatabaseSync, nowMs: number): void {
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL');
  inTransaction(database, () => {
    database.exec(`${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}`);
    addStateAndShares(database, nowMs);
  });
}

function upgradeFrom1(database: DatabaseSync, nowMs: number): void {
  inTransaction(database, () => {
    database.exec(UPGRADE_FROM_1);
    // The newest record is the last time that was seen: what the wall clock says beyond it is a jump like any other.
    const lastSeen = database.prepare('SELECT max(timestamp) AS ms FROM record_batches').get()?.['ms'];
    addStateAndShares(database, Number(lastSeen ?? nowMs));
  });
}

function addStateAndShares(database: DatabaseSync, seenMs: number): void {
  database.exec(STATE_AND_SHARES);
  database
    .prepare('INSERT INTO log_state (id, seen_ms, seen_time, max_bytes) VALUES (0, ?, ?, 0)')
    .run(seenMs, JSON.stringify(beginSeenTime(seenMs)));
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
}

/** @param nowMs given = an older version is brought up to date. */
function verify(database: DatabaseSync, file: string, nowMs: number | undefined): void {
  if (count(database, 'application_id') !== APPLICATION_ID) {
    throw new PipelineError('configuration', `DATA_DIR: ${file} is an SQLite file, but not an event log`);
  }
  const version = count(database, 'user_version');
  if (version === SCHEMA_VERSION) return;
  if (version !== 1) {
    throw new PipelineError(
      'configuration',
      `DATA_DIR: ${file} has version ${version}, this pipeline reads version ${SCHEMA_VERSION}`,
    );
  }
  if (nowMs === undefined) {
    throw new PipelineError(
      'configuration',
      `DATA_DIR: ${file} was written by an earlier version; start the pipeline once, which brings it up to date`,
    );
  }
  upgradeFrom1(database, nowMs);
}

/** Fails on a file that may only be read, and on one whose schema is broken. Nothing but the limit is changed. */
function setLimit(database: DatabaseSync, maxBytes: number): void {
  database.exec(
    'BEGIN IMMEDIATE; UPDATE topics SET next_offset = next_offset WHERE id < 0; DELETE FROM consumer_groups WHERE topic_id < 0; ROLLBACK',
  );
  database.prepare('UPDATE log_state SET max_bytes = ?1 WHERE max_bytes <> ?1').run(maxBytes);
}
