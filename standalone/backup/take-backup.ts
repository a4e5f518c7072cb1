import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { copyLog, logCopyProblem, logFileIn } from '#event-log/embedded/log-copy.ts';
import { PipelineError } from '#runtime/errors.ts';
import { makeFolder } from '#runtime/make-folder.ts';
import { realFile } from '#runtime/real-file.ts';
import type { Settings } from '#runtime/settings.ts';
import { copyStore, storeCopyProblem } from '#telemetry-store/embedded/store-copy.ts';
import { storeFileIn } from '#telemetry-store/embedded/store-file.ts';
import { describeFile, type Manifest, manifestIn } from './manifest.ts';

const OWNER_ONLY = 0o700;

export interface TakeBackupOptions {
  readonly settings: Pick<Settings, 'dataDir' | 'kafka' | 'influx'>;
  /** Made; must not exist, or be empty. */
  readonly folder: string;
  readonly now: () => number;
  readonly onProgress: (what: string, done: number, total: number) => void;
}

/**
 * Copies the embedded files of a pipeline that runs or not, each as it is at one moment, the log first.
 *
 * That order is what makes the two fit together: the telemetry-writer commits an offset only after the store has what is
 * before it. So a store that is copied after the log has every reading that the log's copy calls done, and what it has
 * beyond that is written again from the log, which leaves the same points (P3). The other way round, readings that were
 * stored and committed between the copies would be in neither.
 *
 * The folder gets its name when it is whole: what was killed before stands there as `<folder>.partial`, what failed is gone.
 *
 * @throws PipelineError `usage`, `configuration`: nothing to copy, no room, a folder that cannot be written, a damaged file
 */
export async function takeBackup({
  settings,
  folder,
  now,
  onProgress,
}: TakeBackupOptions): Promise<Manifest> {
  if (settings.kafka !== undefined) {
    throw new PipelineError(
      'usage',
      'backup copies embedded files; with KAFKA_BROKERS there are none: Kafka keeps copies by its replicas',
    );
  }
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new PipelineError('usage', `--to: ${folder} exists and is not empty`);
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  try {
    makeFolder(path.dirname(path.resolve(folder)));
    mkdirSync(partial, OWNER_ONLY);
    const manifest = await copyInto(partial, { settings, now, onProgress });
    if (existsSync(folder)) rmSync(folder, { recursive: true });
    renameSync(partial, folder);
    sync(path.dirname(path.resolve(folder)));
    return manifest;
  } catch (cause) {
    // Above all when the disk is full, nothing is to stay that nobody can use.
    rmSync(partial, { recursive: true, force: true });
    if (cause instanceof PipelineError) throw cause;
    throw new PipelineError('configuration', `the backup ${folder} was not made`, { cause });
  }
}

async function copyInto(
  partial: string,
  { settings, now, onProgress }: Omit<TakeBackupOptions, 'folder'>,
): Promise<Manifest> {
  const { dataDir } = settings;
  const withStore = settings.influx === undefined && existsSync(storeFileIn(dataDir));
  const sources = [logFileIn(dataDir), ...(withStore ? [storeFileIn(dataDir)] : [])];
  assertRoom(partial, sources.map(realFile));

  const takenAt = new Date(now()).toISOString();
  const logCopy = path.join(partial, path.basename(logFileIn(dataDir)));
  const log = await copyLog(dataDir, logCopy, (done, total) => onProgress('log', done, total));
  const storeCopy = path.join(partial, path.basename(storeFileIn(dataDir)));
  const store = withStore
    ? await copyStore(dataDir, storeCopy, (done, total) => onProgress('store', done, total))
    : undefined;
  assertSound(logCopy, logCopyProblem(logCopy));
  if (withStore) assertSound(storeCopy, storeCopyProblem(storeCopy));
  const files = [
    await describeFile('log', logCopy),
    ...(withStore ? [await describeFile('store', storeCopy)] : []),
  ];
  const manifest: Manifest = { format: 1, takenAt, files, log, ...(store && { store }) };
  writeFileSync(manifestIn(partial), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  for (const file of [...files.map(({ name }) => path.join(partial, name)), manifestIn(partial), partial])
    sync(file);
  return manifest;
}

/** Resolves to disk what was written to a file or a folder. */
export function sync(file: string): void {
  const fd = openSync(file, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** @throws PipelineError `configuration` when a file system has no room for copies of these files */
export function assertRoom(folder: string, files: readonly string[]): void {
  const needed = files
    .flatMap((file) => [file, `${file}-wal`])
    .reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= needed) return;
  throw new PipelineError(
    'configuration',
    `${folder} has room for ${bavail * bsize} bytes, ${needed} are needed`,
  );
}

function assertSound(copy: string, problem: string | undefined): void {
  if (problem === undefined) return;
  throw new PipelineError(
    'configuration',
    `the copy ${copy} is damaged, and so is its source: ${problem}. The pipeline mends its files when it meets that (DataFileRebuilt), and at its next start`,
  );
}
