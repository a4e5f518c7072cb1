import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { makeFolder } from '#runtime/make-folder.ts';
import type { Tally } from './tally.ts';

/** What is reprocessed into what, as it was asked for: who asks for the same again goes on with it. */
export interface RunKey {
  readonly topic: string;
  /** Names the store. */
  readonly target: string;
  readonly since: string;
  readonly until: string | undefined;
  readonly devices: readonly string[] | undefined;
}

/** How far a run is. All that is before `next` is in the store, or counted as skipped or refused. */
export interface RunProgress {
  /** Milliseconds since the epoch, like the bounds. */
  readonly startedAt: number;
  readonly sinceMs: number;
  readonly untilMs: number | undefined;
  readonly partitions: readonly PartitionRun[];
  readonly tally: Tally;
}

/** Offsets of one partition: where the run began, what it reads next, where it ends. */
export interface PartitionRun {
  readonly partition: number;
  readonly from: number;
  readonly next: number;
  readonly end: number;
}

const FORMAT = 1;
const OWNER_ONLY = 0o600;

/**
 * Where a run keeps how far it is: a file in `DATA_DIR`, named by what is asked for, so that runs of different questions
 * do not meet. A consumer group would keep offsets, too, but neither the counts nor the bounds of the run, and on Kafka it
 * would need rights and leave something behind in the cluster.
 *
 * It may be behind what is in the store, never ahead: whoever goes on from it writes some points again, which changes
 * nothing (P3), and counts them once.
 */
export class ProgressFile {
  readonly path: string;
  readonly #key: RunKey;

  constructor(dataDir: string, key: RunKey) {
    const digest = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 12);
    this.path = path.join(dataDir, `reprocess-${digest}.json`);
    this.#key = key;
  }

  /** @returns undefined when there is no unfinished run. @throws PipelineError `configuration` when it cannot be read */
  load(): RunProgress | undefined {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw unusable(this.path, error);
    }
    try {
      const { format, progress } = JSON.parse(text) as { format: number; progress: RunProgress };
      if (format !== FORMAT) throw new Error(`it has format ${format}, not ${FORMAT}`);
      return progress;
    } catch (error) {
      throw unusable(this.path, error);
    }
  }

  /** Whole or not at all, whenever the process dies. */
  save(progress: RunProgress): void {
    try {
      makeFolder(path.dirname(this.path));
      const written = JSON.stringify({ format: FORMAT, run: this.#key, progress });
      writeFileSync(`${this.path}.new`, written, { mode: OWNER_ONLY, flush: true });
      renameSync(`${this.path}.new`, this.path);
    } catch (error) {
      throw unusable(this.path, error);
    }
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}

function unusable(file: string, cause: unknown): PipelineError {
  const message = `${file}, where the run keeps how far it is, cannot be used (${describeError(cause)}); --restart begins anew`;
  return new PipelineError('configuration', message, { cause });
}
