import type { WriteOutcome } from '#telemetry-store/telemetry-store.ts';

/** An error of SQLite, as it crosses the thread boundary. */
export interface SqliteFailure {
  /** Extended result code (https://www.sqlite.org/rescode.html); 0 when the error is not SQLite's. */
  readonly code: number;
  readonly message: string;
}

export function sqliteFailureOf(error: unknown): SqliteFailure {
  if (!(error instanceof Error)) return { code: 0, message: String(error) };
  const { errcode } = error as { errcode?: unknown };
  return { code: typeof errcode === 'number' ? errcode : 0, message: error.message };
}

export function isFull(error: unknown): boolean {
  return (sqliteFailureOf(error).code & 0xff) === FULL;
}

const [BUSY, LOCKED, READONLY, CORRUPT, FULL, CANTOPEN, PERM, AUTH, NOTADB] = [
  5, 6, 8, 11, 13, 14, 3, 23, 26,
];
/** The disk had no room for the shared-memory index of the write-ahead log. */
const IOERR_SHMSIZE = 4874;
const NEEDS_A_PERSON: ReadonlySet<number | undefined> = new Set([
  READONLY,
  CORRUPT,
  CANTOPEN,
  PERM,
  AUTH,
  NOTADB,
]);

/** The table from SQLite's result codes to what the writer does. Nothing here blames a single point. */
export function outcomeOfSqliteFailure({ code, message: detail }: SqliteFailure): WriteOutcome {
  const primary = code & 0xff;
  if (primary === FULL || code === IOERR_SHMSIZE) return { kind: 'retry', cause: 'storage-full', detail };
  if (primary === BUSY || primary === LOCKED) return { kind: 'retry', cause: 'overloaded', detail };
  if (NEEDS_A_PERSON.has(primary)) return { kind: 'misconfigured', detail: `DATA_DIR: ${detail}` };
  return { kind: 'retry', cause: 'server-error', detail };
}
