import { describeError, PipelineError } from '#runtime/errors.ts';

/** What a failure of SQLite means for whoever wanted something of the file. */
export type SqliteFailureKind =
  /** No room: on the disk, or in what the process may write. */
  | 'full'
  /** Another connection holds the lock. */
  | 'busy'
  /** What the file holds cannot be read: trying again is no use. */
  | 'damaged'
  /** The file cannot be opened or written: a person must act. */
  | 'unusable'
  | 'other';

/** The `reason` of errors about a file that does not stand at its path any more. */
export const DISPLACED = 'displaced';

/** Plain data: it crosses from the threads. */
export interface SqliteFailure {
  readonly kind: SqliteFailureKind;
  readonly detail: string;
}

// https://www.sqlite.org/rescode.html
const KINDS: ReadonlyMap<number, SqliteFailureKind> = new Map([
  [3, 'unusable'], // PERM
  [5, 'busy'], // BUSY
  [6, 'busy'], // LOCKED
  [8, 'unusable'], // READONLY
  [11, 'damaged'], // CORRUPT
  [13, 'full'], // FULL
  [14, 'unusable'], // CANTOPEN
  [23, 'unusable'], // AUTH
  [26, 'damaged'], // NOTADB
]);
/** Extended codes that mean something else than the group that they belong to. */
const EXTENDED_KINDS: ReadonlyMap<number, SqliteFailureKind> = new Map([
  [4874, 'full'], // IOERR_SHMSIZE: the shared-memory file cannot grow: how a full disk can show first
  [266, 'damaged'], // IOERR_READ: a sector that the disk cannot read
  [522, 'damaged'], // IOERR_SHORT_READ: the file is shorter than it was
  [8458, 'damaged'], // IOERR_CORRUPTFS
]);

const FULL_ERRNOS: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);

export function describeSqliteFailure(error: unknown): SqliteFailure {
  return { kind: kindOf(error), detail: describeError(error) };
}

/** Itself, or in the cause of an error. */
export function isFull(error: unknown): boolean {
  if (kindOf(error) === 'full') return true;
  return error instanceof Error && error.cause !== undefined && isFull(error.cause);
}

function kindOf(error: unknown): SqliteFailureKind {
  if (error instanceof PipelineError && error.reason === DISPLACED) return 'unusable';
  // A row that does not hold what it must.
  if (error instanceof RangeError) return 'damaged';
  // Of the file system itself, where SQLite has not been asked yet.
  if (error instanceof Error && 'code' in error && FULL_ERRNOS.has(error.code)) return 'full';
  const code = resultCode(error);
  return EXTENDED_KINDS.get(code) ?? KINDS.get(code & 0xff) ?? 'other';
}

/** The extended result code, 0 when `error` does not come from SQLite. */
function resultCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode
    : 0;
}
