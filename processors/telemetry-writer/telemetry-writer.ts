import { LIMITS } from '#contract/limits.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { DeliveredBatch, EventLog, Subscription } from '#event-log/event-log.ts';
import { fired } from '#runtime/abort-signal.ts';
import type { Deps } from '#runtime/deps.ts';
import { pause } from '#runtime/retry.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { BatchDecoder } from './batch-decoder.ts';
import { BatchAbandoned, type BatchRun } from './batch-run.ts';
import type { WriteLimits } from './chunks.ts';
import { appendUntilDurable } from './dead-letter-writer.ts';
import { StoreWriter } from './store-writer.ts';
import { TagsOfLabels } from './tags-of-labels.ts';
import { type BatchTally, createWriterTelemetry, type WriterTelemetry } from './telemetry.ts';
import { type Entry, refusedLetters } from './telemetry-batch.ts';
import { WRITE_DELAYS, type WriteDelays, wordsForPeople } from './write-decision.ts';

export interface TelemetryWriterOptions {
  readonly telemetryTopic: string;
  readonly deadLetterTopic: string;
  readonly group: string;
  /** What to do when the store refuses everything: `STORE_REJECT_ALL`. */
  readonly rejectAll: 'pause' | 'dead-letter';
  /** Labels of devices that become tags: `STORE_TAGS`. */
  readonly tags?: readonly string[];
  /** Of one write to the store, and so of what is taken from the log at once; default: `LIMITS`. */
  readonly limits?: WriteLimits;
  /** Default `WRITE_DELAYS`. */
  readonly delays?: WriteDelays;
}

export interface TelemetryWriterDeps extends Deps {
  readonly eventLog: EventLog;
  readonly store: TelemetryStore;
  readonly schemas: SchemaRegistry;
}

export interface WriterHealth {
  /** Why nothing is consumed right now, in words for people; `undefined` when all is well. */
  readonly consumerTrouble: string | undefined;
  /** Why the store took nothing when something was last written; `undefined` when all is well. */
  readonly storeTrouble: string | undefined;
  /** When it was last done with a write, on the clock of `performance.now()`; `undefined` = never yet. */
  readonly storeTookAtMs: number | undefined;
}

/** Readings in committed batches since the start: `consumed` = `stored` + `deadLettered` (P8). */
export interface WriterAccounting {
  readonly consumed: number;
  readonly stored: number;
  readonly deadLettered: number;
}

export interface TelemetryWriter extends AsyncDisposable {
  /** Rejects with `consumer-stopped` when the writer cannot go on. */
  readonly failed: Promise<never>;
  health(): WriterHealth;
  accounting(): WriterAccounting;
  /**
   * Finishes the calls under way for `LIMITS.shutdownWritesMs`, commits what is done, abandons the rest and closes the
   * subscription.
   */
  stop(): Promise<void>;
}

/** A batch that may still be committed. */
interface OpenBatch {
  readonly hurry: AbortController;
  /** Once it was handled. */
  tally?: BatchTally;
}

/**
 * Moves readings from the event log into the store: batch → decode → write → dead-letter what was refused → commit.
 *
 * Modes: *running* from `start` on; *stopping* after `stop`: batches under way may finish their current call and
 * commit, but wait for nothing, and batches that come now are left alone; *closed*. A batch counts in the accounts
 * only when it was committed, because whatever is not comes again.
 *
 * The log calls for one batch per partition at a time. Partitions share nothing but the store and what is known about
 * it, so a slow or idle one holds up no other.
 */
class Writer implements TelemetryWriter {
  readonly failed: Promise<never>;
  readonly #options: TelemetryWriterOptions;
  readonly #deps: TelemetryWriterDeps;
  readonly #telemetry: WriterTelemetry;
  readonly #storeWriter: StoreWriter;
  readonly #decoder: BatchDecoder;
  readonly #failure = Promise.withResolvers<never>();
  /** By partition: batches that are handled, and those that are being committed. */
  readonly #open = new Map<number, OpenBatch>();
  readonly #accounts = { consumed: 0, stored: 0, deadLettered: 0 };
  #subscription: Subscription | undefined;
  #stopping: Promise<void> | undefined;
  #allSettled: (() => void) | undefined;

  constructor(options: TelemetryWriterOptions, deps: TelemetryWriterDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#telemetry = createWriterTelemetry(deps, deps.schemas);
    const { rejectAll, delays = WRITE_DELAYS, tags = [], limits = LIMITS } = options;
    const tagsOf = new TagsOfLabels(tags, () => this.#telemetry.tooManyTags());
    this.#decoder = new BatchDecoder(deps.schemas, deps.now, (labels) => tagsOf.of(labels));
    this.#storeWriter = new StoreWriter(
      { store: deps.store, rejectAll, delays, limits },
      deps,
      this.#telemetry,
    );
    this.failed = this.#failure.promise;
    // Whoever does not listen must not die of it; `health` says it, too.
    this.failed.catch(() => undefined);
  }

  async start(): Promise<void> {
    const { telemetryTopic: topic, group, limits = LIMITS } = this.#options;
    this.#subscription = await this.#deps.eventLog.subscribe({
      topic,
      group,
      maxBatchRecords: limits.pointsPerWrite,
      maxBatchBytes: limits.bytesPerWrite,
      onFetched: (batch, signal) => {
        // What comes now is left alone.
        if (this.#stopping === undefined) this.#decoder.begin(batch, signal);
      },
      onBatch: (batch, signal) => this.#handle(batch, signal),
      onCommitted: (batch) => this.#committed(batch.partition),
      onAssigned: (partitions) => this.#telemetry.assigned(partitions),
    });
    this.#subscription.stopped.catch((error: unknown) => this.#failure.reject(error));
    this.#telemetry.started(topic, group);
  }

  health(): WriterHealth {
    return {
      consumerTrouble: this.#stopping === undefined ? this.#subscription?.trouble() : 'the writer stops',
      storeTrouble: this.#storeWriter.trouble,
      storeTookAtMs: this.#storeWriter.tookAtMs,
    };
  }

  accounting(): WriterAccounting {
    return { ...this.#accounts };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    const settled = new Promise<void>((resolve) => {
      this.#allSettled = resolve;
    });
    for (const { hurry } of this.#open.values()) hurry.abort();
    if (this.#open.size > 0) {
      const enough = new AbortController();
      await Promise.race([settled, pause(LIMITS.shutdownWritesMs, enough.signal)]);
      enough.abort();
    }
    await this.#subscription?.close();
    this.#telemetry.stopped();
  }

  /** The `onBatch` of the subscription: resolves when the batch may be committed. */
  async #handle(batch: DeliveredBatch, lost: AbortSignal): Promise<void> {
    if (this.#stopping !== undefined) return fired(lost);
    const { partition } = batch;
    const hurry = new AbortController();
    const onLost = (): void => hurry.abort();
    if (lost.aborted) onLost();
    lost.addEventListener('abort', onLost, { once: true });
    const open: OpenBatch = { hurry };
    this.#open.set(partition, open);
    try {
      open.tally = await this.#process(batch, { partition, lost, hurry: hurry.signal });
    } catch (error) {
      this.#settle(partition, open);
      if (!(error instanceof BatchAbandoned) && !lost.aborted) throw error;
      // To resolve before the signal would commit; to reject would be a failure.
      await fired(lost);
    } finally {
      lost.removeEventListener('abort', onLost);
      if (lost.aborted) this.#settle(partition, open);
    }
  }

  async #process(batch: DeliveredBatch, run: BatchRun): Promise<BatchTally> {
    const { eventLog, now } = this.#deps;
    const { entries, letters } = await this.#decoder.decode(batch, run.lost);
    const refused = await this.#storeWriter.write(entries, run, (written) => this.#observeAge(written));
    const words = refused[0]?.reason;
    if (words !== undefined) {
      this.#telemetry.refusedForGood(refused.length, wordsForPeople(words), run.partition);
    }
    // Last, so that a batch which comes again because the store was away leaves no second copies of its letters.
    const allLetters = [...letters, ...(await refusedLetters(refused, now(), run.lost))];
    const target = { log: eventLog, topic: this.#options.deadLetterTopic };
    await appendUntilDurable(allLetters, run, target, this.#deps, this.#telemetry);

    const stored = countBy(entries, ({ schema }) => schema);
    for (const { entry } of refused) stored.set(entry.schema, (stored.get(entry.schema) ?? 0) - 1);
    return {
      consumed: entries.length + letters.length,
      stored,
      deadLettered: countBy(allLetters, ({ reason }): RejectReason => reason),
    };
  }

  #observeAge(written: readonly Entry[]): void {
    const now = this.#deps.now();
    let last: Entry['source'] | undefined;
    for (const { source } of written) {
      // Once per message: its readings have one time of receipt.
      if (source === last || source.decoded.replay !== undefined) continue;
      last = source;
      this.#telemetry.storedAfter((now - source.decoded.receivedAt) / 1000);
    }
  }

  #committed(partition: number): void {
    const open = this.#open.get(partition);
    if (open?.tally === undefined) return;
    this.#telemetry.committed(open.tally, partition);
    this.#accounts.consumed += open.tally.consumed;
    this.#accounts.stored += sum(open.tally.stored);
    this.#accounts.deadLettered += sum(open.tally.deadLettered);
    this.#settle(partition, open);
  }

  /** A lost partition may have come back with its next batch meanwhile: that one stays open. */
  #settle(partition: number, batch: OpenBatch): void {
    if (this.#open.get(partition) !== batch) return;
    this.#open.delete(partition);
    if (this.#open.size === 0) this.#allSettled?.();
  }
}

/**
 * Starts a telemetry-writer. Resolves once it is set up; a log or a store that is away is waited for while running.
 */
export async function startTelemetryWriter(
  options: TelemetryWriterOptions,
  deps: TelemetryWriterDeps,
): Promise<TelemetryWriter> {
  const writer = new Writer(options, deps);
  await writer.start();
  return writer;
}

/** Looks a count up once for each run of the same key: readings of a message follow each other. */
function countBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, number> {
  const counts = new Map<Key, number>();
  for (let start = 0; start < items.length; ) {
    const key = keyOf(items[start] as Item);
    let end = start + 1;
    while (end < items.length && keyOf(items[end] as Item) === key) end++;
    counts.set(key, (counts.get(key) ?? 0) + end - start);
    start = end;
  }
  return counts;
}

function sum(counts: ReadonlyMap<unknown, number>): number {
  return counts.values().reduce((total, count) => total + count, 0);
}
