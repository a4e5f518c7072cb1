import { existsSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { makeFolder } from '#runtime/make-folder.ts';
import { makePrivateFile } from '#runtime/private-file.ts';
import { realFile } from '#runtime/real-file.ts';
import { integrityProblem } from './copy-database.ts';
import { count } from './open-database.ts';
import { rebuiltName, SPARE_BYTES, stampOf, sync } from './set-aside.ts';
import { walBytes } from './write-ahead-log.ts';

/**
 * Copies what an open database holds to a file of its own, beside its path, where it does not stand any more. A crash may
 * end it anywhere: what has the name of a rescued copy is whole and on the disk.
 *
 * @returns where the copy is. @throws Error when it cannot be made; nothing is left of it then.
 */
export function rescueCopy(path: string, database: DatabaseSync): string {
  const file = realFile(path);
  makeFolder(dirname(file));
  const needed = count(database, 'page_count') * count(database, 'page_size') + SPARE_BYTES;
  const { bavail, bsize } = statfsSync(dirname(file));
  if (bavail * bsize < needed) {
    throw new Error(`a copy of it takes up to ${needed} bytes of disk, ${bavail * bsize} are free`);
  }
  const copying = `${file}.rescuing`;
  removeDatabase(copying);
  try {
    makePrivateFile(copying);
    database.prepare('VACUUM INTO ?').run(copying);
    const problem = integrityProblem(copying);
    if (problem !== undefined) throw new Error(`its copy is damaged: ${problem}`);
    sync(copying);
    const rescued = `${file}${RESCUED}${stampOf(copying)}`;
    if (existsSync(rescued)) throw new Error(`${rescued} is there already`);
    renameSync(copying, rescued);
    sync(dirname(file));
    return rescued;
  } catch (error) {
    removeDatabase(copying);
    throw error;
  }
}

/** Copies that were rescued of a file and not taken, the oldest first. */
export function rescuedCopies(path: string): string[] {
  const file = realFile(path);
  const folder = dirname(file);
  const prefix = `${basename(file)}${RESCUED}`;
  return (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => name.startsWith(prefix) && STAMP.test(name.slice(prefix.length)))
    .toSorted()
    .map((name) => join(folder, name));
}

/**
 * Where no file stands: puts the newest rescued copy there. For the owner, before it opens the database.
 *
 * @returns the name that the copy had; `undefined`: there is none, or a file stands there.
 */
export function takeRescued(path: string): string | undefined {
  const file = realFile(path);
  const newest = rescuedCopies(file).at(-1);
  if (newest === undefined || existsSync(file) || existsSync(rebuiltName(file))) return undefined;
  // What is left of journals belongs to the file that is gone.
  if (walBytes(file) > 0) renameSync(`${file}-wal`, `${newest}-wal`);
  for (const ending of ['-wal', '-shm']) rmSync(`${file}${ending}`, { force: true });
  renameSync(newest, file);
  sync(dirname(file));
  return newest;
}

const RESCUED = '.rescued-';
const STAMP = /^\d+T\d+Z$/;

function removeDatabase(file: string): void {
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(`${file}${ending}`, { force: true });
}
