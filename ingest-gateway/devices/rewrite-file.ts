import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { platform } from 'node:os';
import { dirname } from 'node:path';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { holdFileLock } from '#runtime/file-lock.ts';
import { makeFolder } from '#runtime/make-folder.ts';
import { makePrivateFile } from '#runtime/private-file.ts';

/** The owner's alone, until the operator says otherwise. */
const NEW_FILE_MODE = 0o600;
const WRITABLE_FOR_ALL = 0o002;
const READABLE_FOR_ALL = 0o004;

/**
 * Changes a file as a whole: readers see the old content or the new one. The new content is written to `<file>.new`, while
 * the lock of `<file>.lock` keeps others from changing it, too. That lock ends with its process, so a change that was
 * interrupted, however that was, leaves two files that nobody minds: the next change takes them away. A missing folder is
 * made. A link stays a link, and its target is changed; owner and mode stay as they are, except that nobody but owner and
 * group may write.
 *
 * @param variable the environment variable to blame.
 * @param change gives the new content.
 * @throws PipelineError `configuration` when the file cannot be written, or another change is under way; what `change`
 *   throws. The file is as it was then.
 */
export async function rewriteFile(
  variable: string,
  file: string,
  change: () => Promise<string>,
): Promise<void> {
  const target = targetOf(variable, file);
  using _lock = lockChanges(variable, target);
  const draft = `${target}.new`;
  const content = await change();
  const descriptor = openDraft(variable, draft);
  try {
    const before = statSync(target, { throwIfNoEntry: false });
    writeFileSync(descriptor, content);
    if (before !== undefined) keepOwnerAndMode(descriptor, before);
    fsyncSync(descriptor);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw unwritable(variable, target, error);
  } finally {
    closeSync(descriptor);
  }
}

function lockChanges(variable: string, target: string): Disposable {
  const file = `${target}.lock`;
  let lock: Disposable | undefined;
  try {
    makeFolder(dirname(target));
    lock = holdLockOf(file);
  } catch (cause) {
    throw unwritable(variable, target, cause);
  }
  if (lock === undefined)
    throw new PipelineError('configuration', `${variable}: another change of ${target} is under way`);
  return {
    [Symbol.dispose]() {
      rmSync(file, { force: true });
      lock[Symbol.dispose]();
    },
  };
}

/** Whoever had the lock took its file away at the end: a lock on what has no name any more keeps nobody else out. */
function holdLockOf(file: string): Disposable | undefined {
  makePrivateFile(file);
  const named = statSync(file, { throwIfNoEntry: false })?.ino;
  const lock = holdFileLock(file);
  if (named !== undefined && statSync(file, { throwIfNoEntry: false })?.ino === named) return lock;
  lock?.[Symbol.dispose]();
  return undefined;
}

function openDraft(variable: string, draft: string): number {
  try {
    // Of a change that was interrupted; made anew, since it may be a link.
    rmSync(draft, { force: true });
    return openSync(draft, 'wx', NEW_FILE_MODE);
  } catch (cause) {
    throw unwritable(variable, draft, cause);
  }
}

function unwritable(variable: string, file: string, cause: unknown): PipelineError {
  return new PipelineError(
    'configuration',
    `${variable}: ${file} cannot be written: ${describeError(cause)}`,
    {
      cause,
    },
  );
}

/** Where a link leads; a new file is where it is said to be. */
function targetOf(variable: string, file: string): string {
  try {
    return realpathSync(file);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing && lstatSync(file, { throwIfNoEntry: false }) === undefined) return file;
    const why = missing ? `${file} is a link to a file that is not there` : describeError(cause);
    throw new PipelineError('configuration', `${variable}: ${why}`, { cause });
  }
}

function keepOwnerAndMode(descriptor: number, { uid, gid, mode }: Stats): void {
  try {
    fchownSync(descriptor, uid, gid);
  } catch {
    // Only root may give a file away. Who may not becomes the owner, as with every editor.
  }
  fchmodSync(descriptor, mode & 0o777 & ~WRITABLE_FOR_ALL);
}

/** Whether everybody on the machine may read such a file: no reason to stop, but hashes in it can be guessed then. */
export function isReadableForAll(file: string): boolean {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats !== undefined && (stats.mode & READABLE_FOR_ALL) !== 0 && platform() !== 'win32';
}

/**
 * Who may write such a file decides who comes in: one that everybody may write decides nothing.
 *
 * @throws PipelineError `configuration`
 */
export function assertNotWritableForAll(variable: string, file: string, { mode }: Stats): void {
  // Windows has no such bits, and shows every file as writable for all.
  if ((mode & WRITABLE_FOR_ALL) === 0 || platform() === 'win32') return;
  throw new PipelineError(
    'configuration',
    `${variable}: everybody may write ${file}, so anybody could let a device in: chmod o-w ${file}`,
  );
}
