import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '#runtime/make-folder.ts';

/** Told what a long step is doing, one line each; a `main.ts` writes them to standard error. */
export type Progress = (message: string) => void;

/** Where real services come from, for everything that starts one. */
export interface PartsOptions {
  /** Default: {@link cacheFolder}. */
  readonly cacheDir?: string | undefined;
  readonly progress?: Progress | undefined;
}

/**
 * The folder of downloaded and built parts: outside the checkout, shared by all checkouts of a user. The environment is
 * read here, and not handed down from a `main.ts`, because tests and benchmarks start services from everywhere.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return (
    env['PIPELINE_SERVICES_CACHE'] ||
    join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'iot-telemetry-pipeline')
  );
}

/** One part in the cache. The name carries the version: another version is another folder, never a change in place. */
export interface CachedPart {
  readonly name: string;
  /** Fills the empty folder `target`; what it leaves there is the part. */
  readonly build: (target: string, progress: Progress) => Promise<void>;
}

export function isCached(part: CachedPart, cacheDir = cacheFolder()): boolean {
  return existsSync(join(cacheDir, part.name));
}

/**
 * The folder of the part, built first if it is not there. A part appears by one rename, so it is complete or absent;
 * a second process that needs it meanwhile waits instead of building it too.
 */
export async function cachedPart(part: CachedPart, options: PartsOptions = {}): Promise<string> {
  const { cacheDir = cacheFolder(), progress = () => {} } = options;
  const folder = join(cacheDir, part.name);
  if (existsSync(folder)) return folder;
  makeFolder(cacheDir);
  return withLock(join(cacheDir, `${part.name}.lock`), async () => {
    if (existsSync(folder)) return folder;
    // Under the lock, what is there already was left by a build that was killed.
    const building = join(cacheDir, `.building-${part.name}`);
    await rm(building, { recursive: true, force: true });
    await mkdir(building);
    try {
      await part.build(building, progress);
      await rename(building, folder);
    } finally {
      await rm(building, { recursive: true, force: true });
    }
    return folder;
  });
}

/**
 * Runs `work` while no other process (and no other caller in this one) runs under the same lock file. The lock is
 * SQLite's lock on that file: the system releases it when its holder dies, so there is nothing stale to detect.
 */
export async function withLock<T>(lockFile: string, work: () => Promise<T>): Promise<T> {
  const database = new DatabaseSync(lockFile, { timeout: 0 });
  try {
    while (!tryLock(database)) await sleep(200);
    return await work();
  } finally {
    database.close();
  }
}

const SQLITE_BUSY = 5;

function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
