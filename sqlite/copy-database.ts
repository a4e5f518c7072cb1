import { backup, DatabaseSync } from 'node:sqlite';
import { describeError } from '#runtime/errors.ts';
import { makePrivateFile } from '#runtime/private-file.ts';

/** Pages of one step: 8 MiB, between which progress is told. */
const STEP_PAGES = 2_000;
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Copies a database file, write-ahead log included, as it is at one moment, while others go on writing it. The copy is one
 * file, without a journal beside it. What is written meanwhile grows the source's write-ahead log, until the copy is done.
 *
 * @param to must not exist
 * @param onProgress bytes that are copied, of how many
 * @throws Error of SQLite or of the file system
 */
export async function copyDatabase(
  file: string,
  to: string,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  makePrivateFile(to);
  const source = new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    // Holds one state of the file for all steps; without it each commit of others would begin the copy anew.
    source.exec('BEGIN');
    const pageBytes = Number(source.prepare('PRAGMA page_size').get()?.['page_size']);
    source.prepare('SELECT count(*) FROM sqlite_schema').get();
    await backup(source, to, {
      rate: STEP_PAGES,
      progress: ({ totalPages, remainingPages }) =>
        onProgress((totalPages - remainingPages) * pageBytes, totalPages * pageBytes),
    });
  } finally {
    source.close();
  }
  const copy = new DatabaseSync(to);
  try {
    copy.exec('PRAGMA journal_mode = DELETE');
  } finally {
    copy.close();
  }
}

/** What SQLite finds wrong in a file that nobody writes; `undefined`: nothing. Reads all of it. */
export function integrityProblem(file: string): string | undefined {
  try {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      const found = String(database.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check']);
      return found === 'ok' ? undefined : found;
    } finally {
      database.close();
    }
  } catch (error) {
    return describeError(error);
  }
}
