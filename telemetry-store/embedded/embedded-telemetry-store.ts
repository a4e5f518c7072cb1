import type { Reading } from '#contract/reading.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError, hasCode } from '#runtime/errors.ts';
import { KeptTime, type KeptTimeOptions } from '#runtime/kept-time.ts';
import { realFile } from '#runtime/real-file.ts';
import { pause } from '#runtime/retry.ts';
import type { SeenTimeState } from '#runtime/seen-time.ts';
import { DatabaseThread, THREAD_DIED } from '#sqlite/database-thread.ts';
import { walBytes } from '#sqlite/write-ahead-log.ts';
import type {
  Point,
  ScanRange,
  StoredField,
  StoredReading,
  TelemetryStore,
  WriteOutcome,
} from '#telemetry-store/telemetry-store.ts';
import type { ExpireStep } from './expire-points.ts';
import { batchOfPoints } from './point-batch.ts';
import { type StoreRole, storeFileIn } from './store-file.ts';
import type { StoreCalls, StoreEvent } from './store-thread-calls.ts';
import type { ScanPage } from './stored-readings.ts';
import { createEmbeddedStoreTelemetry, type EmbeddedStoreTelemetry } from './telemetry.ts';
import type { DatabaseOptions } from './telemetry-database.ts';
import { outcomeOfFailedWrite } from './write-failure.ts';

export interface EmbeddedTelemetryStoreOptions {
  /** Folder of the file `telemetry-store.db`; made when missing. */
  readonly dataDir: string;
  /** Points older than this are refused and removed. */
  readonly retentionDays: number;
  /** Default `owner`. One `beside` may be opened before there is a file. */
  readonly role?: StoreRole;
  /** See `KeptTimeOptions`. */
  readonly clockConfirmedMs?: number | undefined;
  /** Default `performance.now()`. */
  readonly monotonicMs?: () => number;
}

/** A registry that has no other embedded store in it, unless that one is `beside` or a `guest`. */
type StoreDeps = Pick<Deps, 'log' | 'now' | 'metrics'>;

const DAY_MS = 24 * 60 * 60 * 1000;
const EXPIRE_EVERY_MS = 60_000;
const EXPIRE_STEP_POINTS = 2_000;
/** Between two steps of removal, so that they take a share of the thread and not all of it. */
const EXPIRE_PAUSE_MS = 20;
const PAGE_READINGS = 1_000;
const DEVICES_PER_SCAN = 500;
const PING_MS = 5_000;

/**
 * The telemetry store as one SQLite file in `dataDir`.
 *
 * @throws PipelineError `configuration`, naming DATA_DIR, when the file cannot be used or has another owner
 */
export async function openEmbeddedTelemetryStore(
  options: EmbeddedTelemetryStoreOptions,
  deps: StoreDeps,
): Promise<TelemetryStore> {
  const store = new EmbeddedTelemetryStore(options, deps);
  await store.open();
  return store;
}

const ABORTED: WriteOutcome = { kind: 'retry', cause: 'aborted', detail: 'the write was abandoned' };

/**
 * Hands each call to the thread of the database, and once a minute lets it remove what is too old, in small steps
 * between which writes get their turn. What is too old, the believed time of day decides (`KeptTime`): a clock that jumps
 * neither removes points nor refuses them. The thread has no clock.
 *
 * Modes: *opening* (`open`: file, lock, and for who writes the time that was seen) → *open* → *closing* (the removal stops with
 * its step, calls that the thread has are answered) → *closed*, with the thread. A thread that dies leads nowhere else: its
 * calls fail as retryable, and the next one starts another (`DatabaseThread`).
 */
class EmbeddedTelemetryStore implements TelemetryStore {
  readonly #role: StoreRole;
  readonly #dataDir: string;
  readonly #retentionMs: number;
  readonly #timeOptions: Omit<KeptTimeOptions, 'seenTime'>;
  readonly #deps: StoreDeps;
  /** Of who writes, once the file is open. */
  #time: KeptTime | undefined;
  readonly #telemetry: EmbeddedStoreTelemetry;
  readonly #thread: DatabaseThread<StoreCalls, StoreEvent>;
  readonly #closing = new AbortController();
  /** The removal of old points that goes on in the background. */
  #expiry: Promise<void> = Promise.resolve();

  constructor(options: EmbeddedTelemetryStoreOptions, deps: StoreDeps) {
    this.#role = options.role ?? 'owner';
    this.#dataDir = options.dataDir;
    this.#retentionMs = options.retentionDays * DAY_MS;
    const { clockConfirmedMs, monotonicMs = () => performance.now() } = options;
    this.#timeOptions = { clockConfirmedMs, monotonicMs };
    this.#deps = deps;
    const file = storeFileIn(options.dataDir);
    this.#telemetry = createEmbeddedStoreTelemetry(
      deps,
      this.#role === 'owner' ? () => walBytes(realFile(file)) : undefined,
    );
    const workerData: DatabaseOptions = { dataDir: options.dataDir, role: this.#role };
    this.#thread = new DatabaseThread({
      name: 'telemetry store',
      entry: new URL('./store-thread.ts', import.meta.url),
      workerData,
      code: 'store-unavailable',
      // A commit without an answer may have happened: harmless, since writing points again changes nothing (P3).
      afterDeath: 'start-another',
      onEvent: (event) => this.#telemetry.fileChanged(event),
      onDeath: (death, lostCalls) => {
        if (death.reason === THREAD_DIED && lostCalls > 0) this.#telemetry.databaseThreadLost(death.message);
      },
    });
  }

  async open(): Promise<void> {
    try {
      await this.#thread.open();
    } catch (error) {
      if (!(this.#role === 'beside' && hasCode(error, 'store-unavailable'))) throw error;
    }
    this.#telemetry.opened('embedded', this.#dataDir);
    if (this.#role === 'beside') return;
    const seenTime = await this.#thread.call('seenTime', { nowMs: this.#deps.now() });
    const keepTime = (state: SeenTimeState) => this.#thread.call('keepTime', state);
    this.#time = new KeptTime(
      { ...this.#timeOptions, seenTime },
      { keepTime, telemetry: this.#telemetry },
      this.#deps,
    );
    // A guest goes by the time that the owner has kept, and leaves keeping and removing to it.
    if (this.#role === 'owner') this.#expiry = this.#expireUntilClosed();
  }

  async write(points: readonly Point[], signal?: AbortSignal): Promise<WriteOutcome> {
    if (this.#role === 'beside')
      return { kind: 'misconfigured', detail: 'the store was opened for reading only' };
    if (signal?.aborted) return ABORTED;
    if (points.length === 0) return { kind: 'written', rejected: [] };
    return signal === undefined ? this.#write(points) : unlessAborted(this.#write(points), signal, ABORTED);
  }

  async latest(deviceId: string, limit: number): Promise<readonly Reading[]> {
    return this.#thread.call('latest', { deviceId, limit });
  }

  async fields(): Promise<readonly StoredField[]> {
    return this.#thread.call('fields', undefined);
  }

  async *scan({ fromMs, toMs, deviceIds }: ScanRange): AsyncIterable<StoredReading> {
    const sorted = deviceIds === undefined ? undefined : [...new Set(deviceIds)].sort();
    for (let first = 0; first < (sorted?.length ?? 1); first += DEVICES_PER_SCAN) {
      let page: ScanPage | undefined;
      do {
        const request = {
          fromMs,
          toMs,
          pageReadings: PAGE_READINGS,
          ...(sorted !== undefined && { deviceIds: sorted.slice(first, first + DEVICES_PER_SCAN) }),
          ...(page?.next !== undefined && { after: page.next }),
        };
        page = await this.#thread.call('scan', request);
        yield* page.readings;
      } while (page.next !== undefined);
    }
  }

  async trouble(): Promise<string | undefined> {
    const answer = this.#thread.call('ping', undefined).then(() => undefined, describeError);
    return unlessAborted(answer, AbortSignal.timeout(PING_MS), 'no answer in time');
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#expiry;
    await this.#thread.close();
    this.#telemetry.closed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #write(points: readonly Point[]): Promise<WriteOutcome> {
    const batch = batchOfPoints(points);
    const oldestMs = this.#oldestMs();
    try {
      const { shapeOf, deviceOf, timestamps, values } = batch;
      const buffers = [shapeOf.buffer, deviceOf.buffer, timestamps.buffer];
      if (values instanceof Float64Array) buffers.push(values.buffer);
      return { kind: 'written', rejected: await this.#thread.call('write', { batch, oldestMs }, buffers) };
    } catch (error) {
      return outcomeOfFailedWrite(error);
    }
  }

  #oldestMs(): number {
    return (this.#time?.believedMs() ?? 0) - this.#retentionMs;
  }

  async #expireUntilClosed(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        this.#telemetry.expired(await this.#expire(signal));
      } catch (error) {
        if (!signal.aborted) this.#telemetry.expiryFailed(describeError(error));
      }
      await pause(EXPIRE_EVERY_MS, signal);
    }
  }

  async #expire(signal: AbortSignal): Promise<number> {
    await this.#time?.look();
    const beforeMs = this.#oldestMs();
    let removed = 0;
    let step: ExpireStep | undefined;
    do {
      const after = step?.next;
      const request = { beforeMs, stepPoints: EXPIRE_STEP_POINTS, ...(after !== undefined && { after }) };
      step = await this.#thread.call('expire', request);
      removed += step.removed;
      if (step.next !== undefined) await pause(EXPIRE_PAUSE_MS, signal);
    } while (step.next !== undefined && !signal.aborted);
    return removed;
  }
}

/** The thread finishes `work` in any case; nobody waits for it any more. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, otherwise: T): Promise<T> {
  const aborted = Promise.withResolvers<T>();
  const onAbort = (): void => aborted.resolve(otherwise);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
