import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sqliteFailureOf } from './sqlite-failures.ts';

const SQLITE_BUSY = 5;

/**
 * An exclusive lock on a file of its own, held as a transaction that never ends. It ends with its process, however that
 * ends, so nothing stale can remain. Not on the store's own file, which others may read.
 *
 * @throws Error when another one has it
 */
export function takeOwnership(dataDir: string): Disposable {
  const lock = new DatabaseSync(join(dataDir, 'telemetry-store.lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (sqliteFailureOf(error).code !== SQLITE_BUSY) throw error;
    throw new Error('another running pipeline owns it', { cause: error });
  }
}
