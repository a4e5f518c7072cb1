import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describeError } from '#runtime/errors.ts';
import { makeFolder } from '#runtime/make-folder.ts';
import { makePrivateFile } from '#runtime/private-file.ts';
import { replaceBy } from './set-aside.ts';

/** What the paths of a database and of its journals name. With the disk: an inode alone means nothing where another one was mounted. */
export type FileIdentity = ReadonlyMap<string, string>;

export function identityOf(file: string): FileIdentity {
  const found = new Map<string, string>();
  for (const ending of ['', '-wal', '-shm']) {
    const stats = statSync(`${file}${ending}`, { throwIfNoEntry: false });
    if (stats !== undefined) found.set(ending, `${stats.dev}:${stats.ino}`);
  }
  return found;
}

/** Whether something is gone or another one. SQLite makes journals when it needs them, and keeps them while the file is open. */
export function isTaken(before: FileIdentity, now: FileIdentity): boolean {
  for (const [ending, id] of before) if (now.get(ending) !== id) return true;
  return false;
}

/**
 * Puts a file back that was deleted or replaced while it is open.
 *
 * @param copyTo writes all that the open file holds to a new one
 * @returns where that is kept which stood in its place; `undefined`: nothing did
 * @throws Error when it cannot be done: the disk is full, the folder may not be written
 */
export function putBack(file: string, copyTo: (path: string) => void): string | undefined {
  makeFolder(dirname(file));
  const { keptAs } = replaceBy(file, (copy) => {
    makePrivateFile(copy);
    copyTo(copy);
    using database = new DatabaseSync(copy);
    // A copy is made without it.
    database.exec('PRAGMA journal_mode = WAL');
  });
  return existsSync(keptAs) ? keptAs : undefined;
}

/** For people. */
export function notPutBack(file: string, error: unknown): string {
  return `${file} was deleted or replaced while it is open, and cannot be put back: ${describeError(error)}`;
}
