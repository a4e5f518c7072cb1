import { DatabaseSync } from 'node:sqlite';
import { makePrivateFile } from './private-file.ts';

/** Another connection holds the lock. https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;

/**
 * Takes the lock that the file at `path` stands for, or returns `undefined` when another process (or another part of
 * this one) has it.
 *
 * The lock is an exclusive SQLite transaction on an otherwise empty file, that is: a lock of the operating system. It
 * ends with its process, however that ends, so nothing can be left behind stale, and no process id, which another
 * process may get next, has to be believed. Not for network file systems whose locks do not work (as with SQLite itself).
 *
 * @throws the error of SQLite when the file cannot be opened
 */
export function holdFileLock(path: string): Disposable | undefined {
  makePrivateFile(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return {
    [Symbol.dispose]() {
      if (database.isOpen) database.close();
    },
  };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
