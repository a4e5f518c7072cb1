import type { DatabaseSync } from 'node:sqlite';

/** All of `work` is committed, or nothing of it and its error thrown. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // Some failures (a full disk among them) have rolled back already.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** `work` sees one state of the file. */
export function inSnapshot<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN');
  try {
    return work();
  } finally {
    // There is nothing to commit, and a commit fails after a page that could not be read.
    if (database.isTransaction) database.exec('ROLLBACK');
  }
}
