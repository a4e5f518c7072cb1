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
import { makeFolder } from '#runtime/make-folder.ts';

/** The owner's alone, until the operator says otherwise. */
const NEW_FILE_MODE = 0o600;
const WRITABLE_FOR_ALL = 0o002;

/**
 * Changes a file as a whole: readers see the old content or the new one. The new content is written to `<file>.new`,
 * whose exclusive creation also keeps two changes apart; a missing folder is made. A link stays a link, and its target is changed; owner and mode
 * stay as they are, except that nobody but owner and group may write.
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
  const draft = `${target}.new`;
  const descriptor = openDraft(variable, draft);
  try {
    const content = await change();
    const before = statSync(target, { throwIfNoEntry: false });
    writeFileSync(descriptor, content);
    if (before !== undefined) keepOwnerAndMode(descriptor, before);
    fsyncSync(descriptor);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function openDraft(variable: string, draft: string): number {
  try {
    makeFolder(dirname(draft));
    return openSync(draft, 'wx', NEW_FILE_MODE);
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const why = exists
      ? `${draft} exists: another change is under way, or one was interrupted (then delete it)`
      : `${draft} cannot be written: ${describeError(cause)}`;
    throw new PipelineError('configuration', `${variable}: ${why}`, { cause });
  }
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
