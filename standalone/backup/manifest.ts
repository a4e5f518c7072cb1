import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { CopiedTopic } from '#event-log/embedded/log-copy.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { readText } from '#runtime/read-text.ts';

const MANIFEST = 'backup.json';
const FORMAT = 1;

/** One file of a backup. */
export interface BackupFile {
  readonly part: 'log' | 'store';
  /** Beside the manifest, and in `DATA_DIR`. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What a backup says of itself; it is written last, so that a folder with it is whole. */
export interface Manifest {
  readonly format: typeof FORMAT;
  /** ISO 8601; everything that was acknowledged before then is in it. */
  readonly takenAt: string;
  readonly files: readonly BackupFile[];
  readonly log: readonly CopiedTopic[];
  /** Points by measurement; missing where the store was not embedded. */
  readonly store?: Readonly<Record<string, number>>;
}

export function manifestIn(folder: string): string {
  return path.join(folder, MANIFEST);
}

/** @throws PipelineError `configuration`: it is no whole backup, or one of another format */
export function readManifest(folder: string): Manifest {
  try {
    const manifest = JSON.parse(readText(manifestIn(folder))) as Manifest;
    if (manifest.format !== FORMAT)
      throw new Error(`it has format ${manifest.format}, this release knows ${FORMAT}`);
    return manifest;
  } catch (cause) {
    throw new PipelineError(
      'configuration',
      `--from: ${folder} is no whole backup (${describeError(cause)})`,
      { cause },
    );
  }
}

/** What a manifest says of a file as it is. */
export async function describeFile(part: BackupFile['part'], file: string): Promise<BackupFile> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return { part, name: path.basename(file), bytes: statSync(file).size, sha256: hash.digest('hex') };
}
