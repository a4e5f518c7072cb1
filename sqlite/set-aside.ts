import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describeError } from '#runtime/errors.ts';
import { makePrivateFile } from '#runtime/private-file.ts';
import { realFile } from '#runtime/real-file.ts';
import { describeSqliteFailure } from './sqlite-failure.ts';
import { readWal } from './wal-frames.ts';
import { walBytes } from './write-ahead-log.ts';

/** Of a disk that goes on to damage its files, the copies would fill what is left. */
const DAMAGED_KEPT = 3;
/** What the file made anew may be larger than what was read, and what is left to others. */
export const SPARE_BYTES = 64 * 1024 * 1024;

/**
 * Replaces a damaged file by one that `build` makes of what can be read in it; the damaged one is kept beside it,
 * and those of earlier times, three altogether.
 *
 * In an order that a crash may end anywhere: the new file is made under a name that says it is not whole; once it is and
 * is on the disk, it gets one that says so; from then on `finishReplacing`, also at the next start, puts it in place.
 * Nobody of this process may have the file open. Others are safe: SQLite leaves a file that was renamed alone.
 *
 * @returns where the damaged file is kept, and what `build` says.
 * @throws Error when there is no room: nothing was changed then.
 */
export function replaceDamaged<T>(path: string, build: (to: string) => T): { keptAs: string; built: T } {
  const file = realFile(path);
  // Its write-ahead log may be all that is left.
  makePrivateFile(file);
  const needed = statSync(file).size + walBytes(file) + SPARE_BYTES;
  const { bavail, bsize } = statfsSync(dirname(file));
  if (bavail * bsize < needed) {
    throw new Error(`making ${file} anew takes up to ${needed} bytes of disk, ${bavail * bsize} are free`);
  }
  const building = `${file}.rebuilding`;
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(`${building}${ending}`, { force: true });
  const built = build(building);
  sync(building);
  renameSync(building, rebuiltName(file));
  sync(dirname(file));
  return { keptAs: finishReplacing(file) as string, built };
}

/** Puts a file in place that was made anew; `undefined` when there is none. @returns where the damaged one is kept. */
export function finishReplacing(path: string): string | undefined {
  const file = realFile(path);
  const rebuilt = rebuiltName(file);
  if (!existsSync(rebuilt)) return undefined;
  // Of the new file, so that it is the same after a crash in between.
  const keptAs = join(dirname(file), `${basename(file)}.damaged-${stampOf(rebuilt)}`);
  for (const ending of ['', '-wal']) {
    if (existsSync(`${file}${ending}`)) renameSync(`${file}${ending}`, `${keptAs}${ending}`);
  }
  rmSync(`${file}-shm`, { force: true });
  renameSync(rebuilt, file);
  sync(dirname(file));
  removeOldest(file);
  return keptAs;
}

/** Their names tell their time. */
function removeOldest(file: string): void {
  const prefix = `${basename(file)}.damaged-`;
  const kept = readdirSync(dirname(file)).filter((name) => name.startsWith(prefix) && !name.endsWith('-wal'));
  for (const name of kept.toSorted().slice(0, -DAMAGED_KEPT)) {
    for (const ending of ['', '-wal']) rmSync(join(dirname(file), `${name}${ending}`), { force: true });
  }
}

/** Why a file cannot be used that `look` opens and looks at; `undefined` when it can, as far as a short look shows. */
export function damageOf(file: string, look: () => void): string | undefined {
  const { fd, hiddenCommits, pages } = readWal(file);
  if (fd !== undefined) closeSync(fd);
  // SQLite would begin anew, and remove the write-ahead log.
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (pages.size > 0 && !size)
    return `${file} is ${size === undefined ? 'gone' : 'empty'}, and its write-ahead log is not`;
  if (hiddenCommits > 1) return `${hiddenCommits} commits stand behind a damaged place of ${file}-wal`;
  try {
    look();
    return undefined;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return describeError(error);
  }
}

/** Whether SQLite could not make sense of the file: itself, or in the cause of an error. */
export function isDamage(error: unknown): boolean {
  if (describeSqliteFailure(error).kind === 'damaged') return true;
  return error instanceof Error && error.cause !== undefined && isDamage(error.cause);
}

/** When a file was written the last time, for the name of another one: `20261231T235959Z`. */
export function stampOf(file: string): string {
  return statSync(file)
    .mtime.toISOString()
    .replaceAll(/[-:]|\.\d+/g, '');
}

/** What is made to stand at the path of `file`, whole, and does not yet. */
export function rebuiltName(file: string): string {
  return `${file}.rebuilt`;
}

/** Brings to the disk what was written to a file or a folder. */
export function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
