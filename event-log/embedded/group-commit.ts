import type { AppendRecord, RecordPosition } from '#contract/log-record.ts';
import type { EventLogHealth } from '#event-log/event-log.ts';
import { giveUpAppends, notDurable, type PendingAppend, resolveAppends } from '#event-log/pending-append.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { type Backoff, backoffDelayMs } from '#runtime/retry.ts';
import { AppendLane, type PackedAppends } from './append-lane.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { CommitRequest, CommitResult, OffsetCommit } from './log-thread-calls.ts';
import type { EmbeddedLogTelemetry } from './telemetry.ts';

/** Payload of one transaction, about: a larger one would make those behind it wait longer than its fsync is worth. */
const TRANSACTION_BYTES = 8 * 1024 * 1024;
const BACKOFF: Backoff = { firstDelayMs: 20, maxDelayMs: 1_000, jitter: 0.5 };
/** How often writing is tried while it does not work and nobody appends. Milliseconds. */
const PROBE_MS = 1_000;

interface PendingOffset extends OffsetCommit {
  resolve(): void;
  reject(error: PipelineError): void;
}

/** Appends of one topic that are part of the transaction in flight. */
interface InFlight extends PackedAppends {
  readonly lane: AppendLane;
}

/**
 * Turns appends and commits of consumers into transactions of the writer thread: group commit.
 *
 * At most one transaction is in flight. What arrives meanwhile forms the next one, so transactions grow with the load,
 * and at rest a record waits for its own fsync only. The first one starts at the end of the current microtask run: the
 * packets of one socket chunk, which arrive together, share it without a timer.
 *
 * Records wait in one lane per topic. When a transaction is refused, its records go back to the front of their lanes,
 * and each of these lanes tries again after a back-off; a lane that is refused for itself (unknown topic) does not hold
 * up the others. At its deadline a record is given up, wherever it is: in a lane it is taken out, in flight its
 * outcome is unknown. While writing fails and nobody appends, a probe tries, so that `health` recovers by itself.
 *
 * Closing: nothing new is accepted, what waits is tried until its deadlines (`drained`).
 */
export class GroupCommit {
  readonly #commit: (request: CommitRequest, transfer: ArrayBuffer[]) => Promise<CommitResult>;
  readonly #onAppended: (usedBytes: number) => void;
  readonly #deps: Deps;
  readonly #telemetry: EmbeddedLogTelemetry;
  readonly #lanes = new Map<string, AppendLane>();
  #offsets: PendingOffset[] = [];
  #inFlight: readonly InFlight[] | undefined;
  #flushScheduled = false;
  #retryTimer: NodeJS.Timeout | undefined;
  readonly #deadlines = new DeadlineTimer(() => this.#giveUpLate());
  #unsettled = 0;
  #drained: PromiseWithResolvers<void> | undefined;
  #closed = false;
  #health: EventLogHealth = { up: true, detail: '' };

  constructor(
    parts: {
      readonly commit: (request: CommitRequest, transfer: ArrayBuffer[]) => Promise<CommitResult>;
      /** Records were appended, or refused; the log holds so many bytes now. */
      readonly onAppended: (usedBytes: number) => void;
      readonly telemetry: EmbeddedLogTelemetry;
    },
    deps: Deps,
  ) {
    this.#commit = parts.commit;
    this.#onAppended = parts.onAppended;
    this.#telemetry = parts.telemetry;
    this.#deps = deps;
  }

  get health(): EventLogHealth {
    return this.#health;
  }

  append(record: AppendRecord, deadlineAt: number): Promise<RecordPosition> {
    if (this.#closed) return Promise.reject(new PipelineError('closed', 'the event log is closed'));
    if (deadlineAt <= performance.now()) {
      this.#telemetry.appendFailed('deadline', record.topic, 1, 'the deadline had passed already');
      return Promise.reject(notDurable('the deadline had passed already'));
    }
    return new Promise((resolve, reject) => {
      this.#lane(record.topic).add(record, { deadlineAt, settled: false, resolve, reject });
      this.#unsettled++;
      this.#deadlines.watch(deadlineAt);
      this.#scheduleFlush();
    });
  }

  /** Resolves when the offset is committed durably. Not retried here. @throws PipelineError `event-log-unavailable`, `closed` */
  commitOffset(offset: OffsetCommit): Promise<void> {
    if (this.#closed) return Promise.reject(new PipelineError('closed', 'the event log is closed'));
    return new Promise((resolve, reject) => {
      this.#offsets.push({ ...offset, resolve, reject });
      this.#unsettled++;
      this.#scheduleFlush();
    });
  }

  /** Accepts nothing any more; resolves when everything accepted is durable or given up. */
  async drained(): Promise<void> {
    this.#closed = true;
    if (this.#unsettled > 0) {
      this.#drained ??= Promise.withResolvers();
      await this.#drained.promise;
    }
    clearTimeout(this.#retryTimer);
    this.#deadlines.stop();
  }

  #lane(topic: string): AppendLane {
    let lane = this.#lanes.get(topic);
    if (lane === undefined) {
      lane = new AppendLane(topic);
      this.#lanes.set(topic, lane);
    }
    return lane;
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#inFlight !== undefined) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#flush(false);
    });
  }

  #flush(probe: boolean): void {
    if (this.#inFlight !== undefined) return;
    const now = performance.now();
    const taken: InFlight[] = [];
    let retryAt = Infinity;
    let room = TRANSACTION_BYTES;
    for (const lane of this.#lanes.values()) {
      if (lane.isEmpty) continue;
      if (lane.notBefore > now) {
        retryAt = Math.min(retryAt, lane.notBefore);
        continue;
      }
      for (const appends of lane.take(room)) {
        room -= appends.payload.length;
        taken.push({ lane, ...appends });
      }
    }
    const offsets = this.#offsets.splice(0);
    if (taken.length > 0 || offsets.length > 0 || probe) void this.#transact(taken, offsets, probe);
    else if (retryAt < Infinity) this.#retryIn(retryAt - now, false);
    else if (!this.#health.up && !this.#closed) this.#retryIn(PROBE_MS, true);
  }

  async #transact(
    taken: readonly InFlight[],
    offsets: readonly PendingOffset[],
    probe: boolean,
  ): Promise<void> {
    this.#inFlight = taken;
    const startedAt = performance.now();
    const timestamp = this.#deps.now();
    const segments = taken.map(({ lane, payload, pending }) => ({
      topic: lane.topic,
      records: pending.length,
      timestamp,
      payload,
    }));
    try {
      const result = await this.#commit(
        { segments, offsets: offsets.map(({ topic, group, offset }) => ({ topic, group, offset })), probe },
        segments.map(({ payload }) => payload.buffer),
      );
      this.#applyResult(taken, offsets, result, { probe, seconds: (performance.now() - startedAt) / 1000 });
    } catch (error) {
      // The thread died: it has the records, and whether they were written is not known.
      this.#applyDeath(taken, offsets, error);
    }
    this.#inFlight = undefined;
    this.#flush(false);
  }

  #applyResult(
    taken: readonly InFlight[],
    offsets: readonly PendingOffset[],
    result: CommitResult,
    { probe, seconds }: { readonly probe: boolean; readonly seconds: number },
  ): void {
    // That the few bytes of an offset still fit does not show that records do.
    if (result.failure === undefined && (probe || taken.length > 0)) {
      this.#health = { up: true, detail: '' };
      this.#telemetry.becameAvailable();
    } else if (result.failure !== undefined) {
      this.#becomeUnhealthy(result.failure.detail);
    }
    const { offsetsFailure } = result;
    for (const pending of offsets) {
      if (offsetsFailure === undefined) pending.resolve();
      else
        pending.reject(
          new PipelineError('event-log-unavailable', offsetsFailure.detail, { retryable: true }),
        );
    }
    this.#countSettled(offsets.length);
    this.#settleSegments(taken, result, seconds);
    if (taken.length > 0) this.#onAppended(result.usedBytes);
  }

  #settleSegments(taken: readonly InFlight[], result: CommitResult, seconds: number): void {
    const refused = new Map<AppendLane, PackedAppends[]>();
    for (const [index, { lane, pending }] of taken.entries()) {
      const outcome = result.segments[index];
      if (outcome?.kind === 'durable') {
        lane.failures = 0;
        this.#countSettled(resolveAppends(pending, 0, outcome.baseOffset));
      } else if (outcome !== undefined) {
        refused.set(lane, [...(refused.get(lane) ?? []), { payload: outcome.payload, pending }]);
        this.#telemetry.appendFailed(
          outcome.failure.cause,
          lane.topic,
          pending.length,
          outcome.failure.detail,
        );
      }
    }
    if (refused.size < taken.length || taken.length === 0) this.#telemetry.appended(seconds);
    for (const [lane, appends] of refused) {
      lane.failures++;
      lane.notBefore = performance.now() + backoffDelayMs(BACKOFF, lane.failures, this.#deps.random);
      lane.putBack(appends);
    }
  }

  #applyDeath(taken: readonly InFlight[], offsets: readonly PendingOffset[], error: unknown): void {
    const detail = describeError(error);
    this.#becomeUnhealthy(detail);
    for (const { pending, lane } of taken) {
      this.#telemetry.appendFailed('other', lane.topic, pending.length, detail);
      this.#countSettled(giveUpAppends(pending, Infinity, detail));
    }
    for (const { reject } of offsets)
      reject(new PipelineError('event-log-unavailable', detail, { cause: error }));
    this.#countSettled(offsets.length);
  }

  #becomeUnhealthy(detail: string): void {
    this.#health = { up: false, detail };
    this.#telemetry.becameUnavailable(detail);
  }

  #countSettled(count: number): void {
    this.#unsettled -= count;
    if (this.#unsettled === 0) this.#drained?.resolve();
  }

  #retryIn(delayMs: number, probe: boolean): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#flush(probe), Math.max(1, Math.ceil(delayMs)));
  }

  /** Gives up every record whose deadline has passed, and sets the timer to the next one. */
  #giveUpLate(): void {
    const now = performance.now();
    const detail = this.#health.up ? 'not durable before the deadline' : this.#health.detail;
    const giveUp = (topic: string, pending: () => Iterable<PendingAppend>): number => {
      const late = giveUpAppends(pending(), now, detail);
      if (late > 0) this.#telemetry.appendFailed('deadline', topic, late, detail);
      this.#countSettled(late);
      for (const { settled, deadlineAt } of pending()) if (!settled) this.#deadlines.watch(deadlineAt);
      return late;
    };
    for (const { lane, pending } of this.#inFlight ?? []) giveUp(lane.topic, () => pending);
    for (const lane of this.#lanes.values()) {
      if (giveUp(lane.topic, () => lane.pending()) > 0) lane.forgetSettled();
    }
  }
}
