import { LIMITS } from '#contract/limits.ts';
import type { Deps } from '#runtime/deps.ts';
import { pause } from '#runtime/retry.ts';
import type { Point, TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { BatchAbandoned, type BatchRun } from './batch-run.ts';
import { chunksOf, type WriteLimits } from './chunks.ts';
import { SharedWrites } from './shared-writes.ts';
import type { WriterTelemetry } from './telemetry.ts';
import type { RefusedEntry } from './telemetry-batch.ts';
import {
  decideWrite,
  isSystemic,
  NO_REFUSALS,
  type WriteDecision,
  type WriteDelays,
} from './write-decision.ts';

/** Points of a probe: enough to meet a good one if there are any, few enough to cost the store nothing. */
const PROBE_POINTS = 8;
/**
 * How long the trouble of a batch that was given up is still told. A partition that moves to another process proves nothing about the
 * store, but without a partition nobody would find out that it takes writes again.
 */
const GIVEN_UP_TOLD_MS = 60_000;

export interface StoreWriterOptions {
  readonly store: TelemetryStore;
  readonly rejectAll: 'pause' | 'dead-letter';
  readonly delays: WriteDelays;
  /** Default: `LIMITS`. */
  readonly limits?: WriteLimits;
  /** Default `performance.now()`. */
  readonly monotonicMs?: () => number;
}

/**
 * Brings batches into the store, as `write-decision.ts` decides. One for all partitions of a process: they share the
 * store, and so what is known about it.
 *
 * Modes, per batch under way:
 * - *writing*: its chunks one after the other. A `retry` or `misconfigured` answer waits and repeats the chunk, for
 *   ever; chunks that were written stay written.
 * - *probing*, while the store refuses everything (`#refusals` is systemic): a few random points stand for the batch,
 *   because a store names bad points one by one and finding all of 5,000 refused costs thousands of requests. A probe
 *   of which any point is stored ends the fault, for all partitions, and the batch is written from its beginning: what
 *   was refused before may be good now, so nothing of a batch that saw the fault is dead-lettered for it.
 * - *abandoned*: the partition was lost, or the writer stops while waiting. Always safe: writing again merges (P3).
 *
 * The trade-off: a batch holds up its partition, not the process; what goes to the store at the same time goes there in
 * common writes (`SharedWrites`).
 */
export class StoreWriter {
  readonly #options: StoreWriterOptions;
  readonly #writes: SharedWrites;
  readonly #random: () => number;
  readonly #monotonicMs: () => number;
  readonly #telemetry: WriterTelemetry;
  #refusals = NO_REFUSALS;
  #trouble: string | undefined;
  /** Since when nobody has anything for the store. */
  #idleSinceMs = 0;
  #tookAtMs: number | undefined;
  /** Batches under way. */
  #underWay = 0;

  constructor(options: StoreWriterOptions, deps: Deps, telemetry: WriterTelemetry) {
    const { store, limits = LIMITS, monotonicMs = () => performance.now() } = options;
    this.#options = options;
    this.#monotonicMs = monotonicMs;
    this.#writes = new SharedWrites({ store, limits, onWrite: telemetry.wrote });
    this.#random = deps.random;
    this.#telemetry = telemetry;
  }

  /**
   * Why the store took nothing when something was last written; `undefined` when it did, or when that batch was given up more than a
   * minute ago and nobody would find out that it does again.
   */
  get trouble(): string | undefined {
    const isOld = this.#underWay === 0 && this.#monotonicMs() - this.#idleSinceMs >= GIVEN_UP_TOLD_MS;
    return isOld ? undefined : this.#trouble;
  }

  /** When the store was last done with a write, on the clock of `performance.now()`; `undefined` = never yet. */
  get tookAtMs(): number | undefined {
    return this.#tookAtMs;
  }

  /**
   * Resolves when the store has every entry but the returned ones.
   *
   * @param onWritten is told about each chunk that the store is done with, as soon as it is.
   * @throws BatchAbandoned
   */
  async write<Entry extends { readonly point: Point; readonly bytes: number }>(
    entries: readonly Entry[],
    run: BatchRun,
    onWritten: (entries: readonly Entry[]) => void,
  ): Promise<readonly RefusedEntry<Entry>[]> {
    this.#trouble = this.trouble;
    this.#underWay++;
    try {
      return await this.#writeChunks(entries, run, onWritten);
    } finally {
      if (--this.#underWay === 0) this.#idleSinceMs = this.#monotonicMs();
    }
  }

  async #writeChunks<Entry extends { readonly point: Point; readonly bytes: number }>(
    entries: readonly Entry[],
    run: BatchRun,
    onWritten: (entries: readonly Entry[]) => void,
  ): Promise<readonly RefusedEntry<Entry>[]> {
    const chunks = chunksOf(entries, this.#options.limits);
    let refused: RefusedEntry<Entry>[] = [];
    let attempt = 0;
    for (let next = 0; next < chunks.length; ) {
      const chunk = chunks[next] as Entry[];
      const probing = isSystemic(this.#refusals);
      const written = probing ? this.#sample(entries) : chunk;
      attempt++;
      const decision = await this.#writeOnce(written, attempt, run);
      if (probing || (decision.kind === 'hold' && decision.cause === 'rejects-all')) {
        next = 0;
        refused = [];
      }
      if (decision.kind !== 'proceed') {
        if (!(await pause(decision.delayMs, run.hurry))) throw new BatchAbandoned('the writer stops');
        continue;
      }
      attempt = 0;
      if (probing) continue;
      for (const { index, reason } of decision.deadLetter) {
        const entry = chunk[index];
        if (entry === undefined) throw new RangeError(`the store rejected point ${index} of ${chunk.length}`);
        refused.push({ entry, reason });
      }
      onWritten(chunk);
      next++;
    }
    return refused;
  }

  async #writeOnce(
    entries: readonly { readonly point: Point; readonly bytes: number }[],
    attempt: number,
    run: BatchRun,
  ): Promise<Exclude<WriteDecision, { readonly kind: 'abandon' }>> {
    const points = entries.map(({ point }) => point);
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    const outcome = await this.#writes.write(points, bytes, run.lost);
    if (run.lost.aborted) throw new BatchAbandoned('the partition was lost');
    const { decision, refusals } = decideWrite({
      outcome,
      storedOthers: outcome.storedOthers === true,
      points,
      refusals: this.#refusals,
      attempt,
      rejectAll: this.#options.rejectAll,
      delays: this.#options.delays,
      random: this.#random,
    });
    this.#refusals = refusals;
    if (decision.kind === 'abandon') throw new BatchAbandoned('the write was aborted');
    if (decision.kind === 'proceed') {
      this.#trouble = undefined;
      this.#tookAtMs = this.#monotonicMs();
      this.#telemetry.storeAnswered();
    } else {
      this.#trouble = `${decision.cause}: ${decision.detail}`;
      this.#telemetry.notWritten(decision, run.partition);
    }
    return decision;
  }

  /** Evenly spread from a random beginning, so that another probe meets other points. */
  #sample<Entry>(entries: readonly Entry[]): Entry[] {
    const step = Math.max(1, entries.length / PROBE_POINTS);
    const offset = Math.floor(this.#random() * step);
    return Array.from(
      { length: Math.min(PROBE_POINTS, entries.length) },
      (_, i) => entries[Math.min(entries.length - 1, Math.floor(i * step) + offset)] as Entry,
    );
  }
}
