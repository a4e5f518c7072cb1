import type { AppendFailureCause } from '#event-log/telemetry.ts';
import { describeError } from '#runtime/errors.ts';

/** What a failure of SQLite means here. Plain data: it crosses from the threads. */
export interface SqliteFailure {
  readonly cause: AppendFailureCause;
  readonly detail: string;
  /** The file itself is bad: trying again is no use. */
  readonly damaged: boolean;
}

// https://www.sqlite.org/rescode.html
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;
/** The shared-memory file cannot grow: how a full disk can show first. */
const SQLITE_IOERR_SHMSIZE = 4874;

export function describeSqliteFailure(error: unknown): SqliteFailure {
  return { cause: causeOf(error), detail: describeError(error), damaged: isDamage(error) };
}

export function isBusy(error: unknown): boolean {
  return primaryCode(error) === SQLITE_BUSY;
}

/** Not an SQLite file, or a broken one; or a row that does not hold what it must. */
function isDamage(error: unknown): boolean {
  return [SQLITE_CORRUPT, SQLITE_NOTADB].includes(primaryCode(error)) || error instanceof RangeError;
}

function causeOf(error: unknown): AppendFailureCause {
  if (resultCode(error) === SQLITE_IOERR_SHMSIZE) return 'storage-full';
  switch (primaryCode(error)) {
    case SQLITE_FULL:
      return 'storage-full';
    case SQLITE_BUSY:
      return 'busy';
    default:
      return 'other';
  }
}

function primaryCode(error: unknown): number {
  return resultCode(error) & 0xff;
}

/** The extended result code, 0 when `error` does not come from SQLite. */
function resultCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode
    : 0;
}
