import { copyFileSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { holdLog, logCopyProblem, logFileIn } from '#event-log/embedded/log-copy.ts';
import { PipelineError } from '#runtime/errors.ts';
import { realFile } from '#runtime/real-file.ts';
import { storeCopyProblem } from '#telemetry-store/embedded/store-copy.ts';
import { holdStore, storeFileIn } from '#telemetry-store/embedded/store-file.ts';
import { describeFile, type Manifest, readManifest } from './manifest.ts';
import { assertRoom, sync } from './take-backup.ts';

/** What may stand beside a database file, and belongs to it. */
const COMPANIONS = ['', '-wal', '-shm', '-journal', '.rebuilt', '.rebuilding'] as const;

export interface RestoreOptions {
  readonly dataDir: string;
  /** Of a backup. */
  readonly folder: string;
  /** Files that are there are set aside, not refused. */
  readonly force: boolean;
  /** Looks at the backup only. */
  readonly checkOnly: boolean;
  readonly now: () => number;
}

export interface Restored {
  readonly manifest: Manifest;
  /** Files that stood in the place of the restored ones, under their new names. */
  readonly setAside: readonly string[];
}

/**
 * Puts the files of a backup in place, after each was found to be the one that was copied, and sound. Nothing is touched
 * before; what stands there already is refused, or, when that was said, kept under another name.
 *
 * @throws PipelineError `configuration`: no whole or sound backup, a running pipeline, no room; `usage`: files are there
 */
export async function restoreBackup({
  dataDir,
  folder,
  force,
  checkOnly,
  now,
}: RestoreOptions): Promise<Restored> {
  const manifest = readManifest(folder);
  for (const file of manifest.files) await assertIntact(folder, file);
  if (checkOnly) return { manifest, setAside: [] };

  using _log = owned(holdLog(dataDir), dataDir);
  using _store = owned(holdStore(dataDir), dataDir);
  // A link may lead to another disk: they stay there.
  const targets = { log: realFile(logFileIn(dataDir)), store: realFile(storeFileIn(dataDir)) };
  const standing = Object.values(targets)
    .flatMap((file) => COMPANIONS.map((end) => `${file}${end}`))
    .filter((file) => existsSync(file));
  if (standing.length > 0 && !force) {
    throw new PipelineError('usage', `${standing.join(', ')}: there already; --force sets these files aside`);
  }
  const moves = manifest.files.map(({ part, name }) => {
    const target = targets[part];
    return { source: path.join(folder, name), restoring: `${target}.restoring`, target };
  });
  const disks = new Set(moves.map(({ target }) => path.dirname(target)));
  for (const disk of disks) {
    const there = moves.filter(({ target }) => path.dirname(target) === disk);
    assertRoom(
      disk,
      there.map(({ source }) => source),
    );
  }
  try {
    for (const { source, restoring } of moves) {
      copyFileSync(source, restoring);
      sync(restoring);
    }
  } catch (cause) {
    for (const { restoring } of moves) rmSync(restoring, { force: true });
    throw new PipelineError('configuration', `nothing was restored into ${dataDir}`, { cause });
  }
  const stamp = new Date(now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const setAside: string[] = [];
  for (const file of standing) {
    if (file.endsWith('-shm')) rmSync(file);
    else {
      renameSync(file, `${file}.before-restore-${stamp}`);
      setAside.push(`${file}.before-restore-${stamp}`);
    }
  }
  for (const { restoring, target } of moves) renameSync(restoring, target);
  // How far runs of `reprocess` were is true of the files that were there before.
  for (const name of readdirSync(dataDir))
    if (/^reprocess-.*\.json$/.test(name)) rmSync(path.join(dataDir, name));
  for (const changed of new Set([...disks, dataDir])) sync(changed);
  return { manifest, setAside };
}

async function assertIntact(folder: string, said: Manifest['files'][number]): Promise<void> {
  const file = path.join(folder, path.basename(said.name));
  if (!existsSync(file)) throw unsound(file, 'it is missing');
  const { bytes, sha256 } = await describeFile(said.part, file);
  if (bytes !== said.bytes || sha256 !== said.sha256) throw unsound(file, 'it is not as it was written');
  const problem = said.part === 'log' ? logCopyProblem(file) : storeCopyProblem(file);
  if (problem !== undefined) throw unsound(file, problem);
}

function unsound(file: string, why: string): PipelineError {
  return new PipelineError('configuration', `--from: ${file} cannot be restored: ${why}`);
}

function owned(ownership: Disposable | undefined, dataDir: string): Disposable {
  if (ownership !== undefined) return ownership;
  throw new PipelineError('configuration', `DATA_DIR: a pipeline is running on ${dataDir}; stop it first`);
}
