import { LIMITS } from '#contract/limits.ts';
import type { LogRecord } from '#contract/log-record.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { headerNumber } from '#contract/telemetry-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { BatchAbandoned } from '#processors/telemetry-writer/batch-run.ts';
import type { WriteLimits } from '#processors/telemetry-writer/chunks.ts';
import { StoreWriter } from '#processors/telemetry-writer/store-writer.ts';
import { TagsOfLabels } from '#processors/telemetry-writer/tags-of-labels.ts';
import { createWriterTelemetry } from '#processors/telemetry-writer/telemetry.ts';
import { decodeBatch } from '#processors/telemetry-writer/telemetry-batch.ts';
import { WRITE_DELAYS, type WriteDelays } from '#processors/telemetry-writer/write-decision.ts';
import type { Deps } from '#runtime/deps.ts';
import { pause } from '#runtime/retry.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { type PaceOptions, restMs } from './pace.ts';
import type { PartitionRun, ProgressFile, RunProgress } from './progress-file.ts';
import { added, NOTHING, type Tally } from './tally.ts';

export interface ReprocessOptions extends PaceOptions {
  readonly topic: string;
  /** By when the log took the records, milliseconds since the epoch: `sinceMs` <= time < `untilMs`. */
  readonly sinceMs: number;
  readonly untilMs?: number | undefined;
  /** Missing = all. */
  readonly devices?: ReadonlySet<string> | undefined;
  /** Reads and judges only. */
  readonly dryRun: boolean;
  /** Forget an unfinished run. */
  readonly restart: boolean;
  /** When it fires the write under way is finished and no other is begun. */
  readonly signal: AbortSignal;
  readonly onProgress?: (state: RunProgress) => void;
  /** As the telemetry-writer has them: a point with other tags would be there twice. Default: none. */
  readonly tags?: readonly string[];
  /** Of one write to the store; default: `LIMITS`. */
  readonly limits?: WriteLimits;
  /** Default `WRITE_DELAYS`. */
  readonly delays?: WriteDelays;
}

export interface ReprocessDeps extends Deps {
  readonly eventLog: Pick<EventLog, 'read' | 'progress' | 'offsetsAt'>;
  readonly store: TelemetryStore;
  readonly schemas: SchemaRegistry;
  readonly progress: ProgressFile;
}

export interface ReprocessResult {
  readonly tally: Tally;
  readonly sinceMs: number;
  readonly untilMs: number | undefined;
  /** When the unfinished run began that this one went on with. */
  readonly resumedFrom: number | undefined;
  /** By the log's clock: its oldest record, where that is younger than `sinceMs`. What was before it is gone. */
  readonly logBeginsAt: number | undefined;
  readonly interrupted: boolean;
}

/** How far a run is, is kept this often: what a kill forgets is written again. Milliseconds. */
const SAVE_EVERY_MS = 1_000;
/** Asked for the bounds of the topic, never a member. */
const NO_GROUP = 'reprocess';
/** A write that was begun is finished: giving it up would save nothing. */
const NEVER = new AbortController().signal;

/**
 * Writes a store again from the log: every record from `sinceMs` on, up to the end as it was when the run began (the
 * telemetry-writer brings what comes later), decoded and written by the same code as the first time. Outside of any
 * consumer group, so that neither the writer nor retention notices, and beside both.
 *
 * A run is *begun*, its bounds fixed and kept; *going on*, one partition after the other, batch by batch; and *finished*,
 * when what was kept of it is removed. Between these it may be *interrupted*, by a signal or a kill: the same command goes
 * on where it was. Writing a point twice leaves one point (P3), so whatever is repeated does no harm; in the order of the
 * log, so that of points with one identity the last one wins, as it did the first time.
 *
 * Refused readings are counted and told, and become no dead letters: those that were refused before have one, and what is
 * refused only today (a schema that is gone, the store's retention) still stands in the log.
 */
export async function reprocess(options: ReprocessOptions, deps: ReprocessDeps): Promise<ReprocessResult> {
  const kept = options.dryRun || options.restart ? undefined : await keptRun(options.topic, deps);
  let run = kept ?? (await beginning(options, deps));
  const known = {
    sinceMs: run.sinceMs,
    untilMs: run.untilMs,
    resumedFrom: kept?.startedAt,
    logBeginsAt: await beginOfLog(run, options, deps),
  };
  const { tags = [], limits = LIMITS, delays = WRITE_DELAYS } = options;
  const telemetry = createWriterTelemetry(deps, deps.schemas);
  const writer = new StoreWriter({ store: deps.store, rejectAll: 'pause', delays, limits }, deps, telemetry);
  const tagsOf = new TagsOfLabels(tags, () => telemetry.tooManyTags());
  let savedAt = performance.now();
  const save = (): void => {
    if (!options.dryRun) deps.progress.save(run);
    savedAt = performance.now();
  };
  save();
  try {
    for (const { partition } of run.partitions) {
      for await (const batch of batchesOf(partitionOf(run, partition), options, deps.eventLog)) {
        const decoded = await decodeBatch(batch.wanted, deps.schemas, deps.now(), options.signal, (labels) =>
          tagsOf.of(labels),
        );
        const startedAt = performance.now();
        const refused = options.dryRun
          ? []
          : await writer.write(
              decoded.entries,
              { partition, lost: NEVER, hurry: options.signal },
              () => undefined,
            );
        run = {
          ...run,
          partitions: run.partitions.map((it) =>
            it.partition === partition ? { ...it, next: batch.next } : it,
          ),
          tally: added(run.tally, { ...batch, batch: decoded, refused }),
        };
        options.onProgress?.(run);
        if (performance.now() - savedAt >= SAVE_EVERY_MS) save();
        if (!options.dryRun)
          await pause(restMs(decoded.entries.length, performance.now() - startedAt, options), options.signal);
        options.signal.throwIfAborted();
      }
    }
  } catch (error) {
    save();
    if (!options.signal.aborted && !(error instanceof BatchAbandoned)) throw error;
    return { ...known, tally: run.tally, interrupted: true };
  }
  if (!options.dryRun) deps.progress.remove();
  return { ...known, tally: run.tally, interrupted: false };
}

async function beginning(options: ReprocessOptions, deps: ReprocessDeps): Promise<RunProgress> {
  const { topic, sinceMs, untilMs } = options;
  const bounds = await deps.eventLog.progress(topic, NO_GROUP);
  const from = await deps.eventLog.offsetsAt(topic, sinceMs);
  const until = untilMs === undefined ? undefined : await deps.eventLog.offsetsAt(topic, untilMs);
  const partitions = bounds.map(({ partition, oldestOffset, endOffset }) => {
    const first = Math.max(oldestOffset, from.get(partition) ?? oldestOffset);
    const end = Math.max(first, Math.min(endOffset, until?.get(partition) ?? endOffset));
    return { partition, from: first, next: first, end };
  });
  return { startedAt: deps.now(), sinceMs, untilMs, partitions, tally: NOTHING };
}

/** `undefined` as well when the log is not the one any more that the run was begun on. */
async function keptRun(
  topic: string,
  { progress, eventLog }: ReprocessDeps,
): Promise<RunProgress | undefined> {
  const kept = progress.load();
  if (kept === undefined) return undefined;
  const ends = new Map((await eventLog.progress(topic, NO_GROUP)).map((p) => [p.partition, p.endOffset]));
  return kept.partitions.every(({ partition, end }) => end <= (ends.get(partition) ?? 0)) ? kept : undefined;
}

async function beginOfLog(
  { partitions }: RunProgress,
  { topic, sinceMs, signal }: ReprocessOptions,
  { eventLog }: ReprocessDeps,
): Promise<number | undefined> {
  let begin: number | undefined;
  for (const { partition, oldestOffset, endOffset } of await eventLog.progress(topic, NO_GROUP)) {
    const from = partitions.find((it) => it.partition === partition)?.from;
    // Something was removed before it, and nothing that is left is older than what was asked for.
    if (oldestOffset === 0 || oldestOffset === endOffset || (from ?? 0) > oldestOffset) continue;
    for await (const { timestamp } of eventLog.read(topic, {
      from: new Map([[partition, oldestOffset]]),
      signal,
    })) {
      if (timestamp > sinceMs) begin = Math.max(begin ?? 0, timestamp);
      break;
    }
  }
  return begin;
}

function partitionOf({ partitions }: RunProgress, partition: number): PartitionRun {
  return partitions.find((it) => it.partition === partition) as PartitionRun;
}

interface RecordBatch {
  readonly wanted: readonly LogRecord[];
  readonly records: number;
  /** Readings of other devices. */
  readonly skipped: number;
  /** Offset behind the last record. */
  readonly next: number;
}

/** In the sizes that the telemetry-writer works in. */
async function* batchesOf(
  { partition, next: from, end }: PartitionRun,
  { topic, devices, signal }: ReprocessOptions,
  log: ReprocessDeps['eventLog'],
): AsyncGenerator<RecordBatch> {
  let wanted: LogRecord[] = [];
  let [records, skipped, bytes, next] = [0, 0, 0, from];
  if (from >= end) return;
  for await (const record of log.read(topic, { from: new Map([[partition, from]]), signal })) {
    if (record.offset >= end) break;
    records++;
    next = record.offset + (record.damagedRecords ?? 1);
    const isWanted = devices === undefined || devices.has(record.key?.toString('utf8') ?? '');
    if (isWanted) wanted.push(record);
    else skipped += headerNumber(record.headers['readings']) ?? 1;
    bytes += isWanted ? (record.value?.length ?? 0) : 0;
    if (wanted.length < LIMITS.pointsPerWrite && bytes < LIMITS.bytesPerWrite && records < MAX_RECORDS)
      continue;
    yield { wanted, records, skipped, next };
    wanted = [];
    [records, skipped, bytes] = [0, 0, 0];
  }
  yield { wanted, records, skipped, next: end };
}

/** So that a run for one device of many tells, too, how far it is. */
const MAX_RECORDS = 50_000;
