import type { AppendRecord } from '#contract/log-record.ts';
import type { AppendCaller, EventLogHealth } from '#event-log/event-log.ts';
import {
  failAppend,
  giveUpAppends,
  logClosed,
  notDurable,
  type PendingAppend,
  resolveAppends,
} from '#event-log/pending-append.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { type Backoff, backoffDelayMs } from '#runtime/retry.ts';
import type { AppendLane, PackedAppends } from './append-lane.ts';
import { AppendLanes, segmentOf, type TakenAppends } from './append-lanes.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { CommitRequest, CommitResult, OffsetCommit } from './log-thread-calls.ts';
import { type PendingOffset, settleOffsets } from './pending-offset.ts';
import type { EmbeddedLogTelemetry } from './telemetry.ts';
import { WriteAvailability } from './write-availability.ts';

/** Payload of one transaction, about: a larger one would make those behind it wait longer than its fsync is worth. */
const TRANSACTION_BYTES = 8 * 1024 * 1024;
const PASSED = 'the deadline had passed already';
const BACKOFF: Backoff = { firstDelayMs: 20, maxDelayMs: 1_000, jitter: 0.5 };
/** How often it is tried whether writing works again. Milliseconds. */
const PROBE_MS = 1_000;
/** A transaction takes that long on no disk that works, however slow, unless the file is made anew or copied. Milliseconds. */
const STALLED_MS = 10_000;
const STALLED = `a transaction is under way for more than ${STALLED_MS / 1000} s: the disk of DATA_DIR does not answer, or a large file is being made anew`;

export interface GroupCommitParts {
  readonly commit: (request: CommitRequest, transfer: ArrayBuffer[]) => Promise<CommitResult>;
  /** Records were appended, or refused; the log holds so many bytes now. */
  readonly onAppended: (usedBytes: number) => void;
  /** Whether each key of the topic has a lane of its own. */
  readonly hasKeyLanes?: (topic: string) => boolean;
  /** Time seen to pass; default: as the file has it. */
  readonly seenMs?: () => number | undefined;
  readonly telemetry: EmbeddedLogTelemetry;
}

/**
 * Turns appends and commits of consumers into transactions of the writer thread: group commit.
 *
 * At most one transaction is in flight. What arrives meanwhile forms the next one, so transactions grow with the load,
 * and at rest a record waits for its own fsync only. The first one starts at the end of the current microtask run: the
 * packets of one socket chunk, which arrive together, share it without a timer.
 *
 * Records wait in one lane per topic; of a topic with a share in one per key, so that a device whose letters do not fit
 * any more holds up nobody but itself. When a transaction is refused, its records go back to the front of their lanes,
 * and each of these lanes tries again after a back-off; a lane that is refused for itself (unknown topic) does not hold
 * up the others. At its deadline a record is given up, wherever it is: in a lane it is taken out, in flight its
 * outcome is unknown. Whether the log is up, `WriteAvailability` decides; while it is down, a probe goes with a
 * transaction now and then, or alone when nobody appends. A disk that does not answer at all fails nothing: the log is
 * down as well while a transaction is under way for longer than any disk takes.
 *
 * Closing: nothing new is accepted, what waits is tried until its deadlines (`drained`).
 */
export class GroupCommit {
  readonly #parts: GroupCommitParts;
  readonly #deps: Deps;
  readonly #telemetry: EmbeddedLogTelemetry;
  readonly #lanes: AppendLanes;
  #offsets: PendingOffset[] = [];
  #inFlight: readonly TakenAppends[] | undefined;
  #flushScheduled = false;
  #retryTimer: NodeJS.Timeout | undefined;
  readonly #deadlines = new DeadlineTimer(() => this.#giveUpLate());
  #unsettled = 0;
  #drained: PromiseWithResolvers<void> | undefined;
  #closed = false;
  readonly #availability = new WriteAvailability(PROBE_MS);

  constructor(parts: GroupCommitParts, deps: Deps) {
    this.#lanes = new AppendLanes(parts.hasKeyLanes ?? (() => false));
    this.#parts = parts;
    this.#telemetry = parts.telemetry;
    this.#deps = deps;
  }

  get health(): EventLogHealth {
    return this.#availability.health;
  }

  appendFor(record: AppendRecord, deadlineAt: number, caller: AppendCaller): void {
    const pending = { deadlineAt, caller, settled: false };
    if (this.#closed) failAppend(pending, logClosed());
    else if (deadlineAt <= performance.now()) {
      this.#telemetry.appendFailed('deadline', record.topic, 1, PASSED);
      failAppend(pending, notDurable(PASSED));
    } else {
      this.#lanes.of(record).add(record, pending);
      this.#unsettled++;
      this.#deadlines.watch(deadlineAt);
      this.#scheduleFlush();
    }
  }

  /** Resolves when the offset is committed durably. Not retried here. @throws PipelineError `event-log-unavailable`, `closed` */
  commitOffset(offset: OffsetCommit): Promise<void> {
    if (this.#closed) return Promise.reject(logClosed());
    return new Promise((resolve, reject) => {
      this.#offsets.push({ ...offset, resolve, reject });
      this.#unsettled++;
      this.#scheduleFlush();
    });
  }

  /** Says soon whether the log can be written, though nobody appends. */
  prove(): void {
    this.#availability.doubt();
    this.#scheduleFlush();
  }

  /** Somebody looked at the file, and it does not stand at its path any more: known before the next append. */
  displaced(detail: string): void {
    this.#becomeUnhealthy(0, detail);
    this.#scheduleFlush();
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

  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#inFlight !== undefined) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#inFlight !== undefined) return;
    const now = performance.now();
    const { taken, retryAt } = this.#lanes.take(TRANSACTION_BYTES, now);
    const offsets = this.#offsets.splice(0);
    const probeBytes = this.#closed ? 0 : this.#availability.takeProbe(now);
    if (taken.length > 0 || offsets.length > 0 || probeBytes > 0) {
      void this.#transact(taken, offsets, probeBytes);
      return;
    }
    const probeInMs = this.#closed ? undefined : this.#availability.probeInMs(now);
    const waitMs = Math.min(retryAt - now, probeInMs ?? Infinity);
    if (waitMs < Infinity) this.#retryIn(waitMs);
  }

  async #transact(
    taken: readonly TakenAppends[],
    offsets: readonly PendingOffset[],
    probeBytes: number,
  ): Promise<void> {
    this.#inFlight = taken;
    const startedAt = performance.now();
    const timestamp = this.#deps.now();
    const segments = taken.map((it) => segmentOf(it, timestamp));
    // Their memory is the thread's from now on.
    const sizes = segments.map(({ payload }) => payload.length);
    const memory = segments.map(({ payload }) => payload.buffer);
    const commits = offsets.map(({ topic, group, offset }) => ({ topic, group, offset }));
    const seenMs = this.#parts.seenMs?.() ?? null;
    const stall = setTimeout(() => {
      // What it is down for already says more.
      if (this.#availability.health.up) this.#becomeUnhealthy(0, STALLED);
    }, STALLED_MS);
    try {
      const result = await this.#parts.commit({ segments, offsets: commits, seenMs, probeBytes }, memory);
      clearTimeout(stall);
      this.#judge(sizes, probeBytes, result);
      this.#applyResult(taken, offsets, result, (performance.now() - startedAt) / 1000);
    } catch (error) {
      clearTimeout(stall);
      // The thread died: it has the records, and whether they were written is not known.
      this.#applyDeath(taken, offsets, error);
    }
    this.#inFlight = undefined;
    this.#flush();
  }

  #judge(sizes: readonly number[], probeBytes: number, { failure, segments }: CommitResult): void {
    const written = sizes.reduce((sum, size, i) => sum + (segments[i]?.kind === 'durable' ? size : 0), 0);
    if (failure !== undefined) {
      const refused = sizes.reduce((sum, size) => sum + size, 0) - written;
      this.#becomeUnhealthy(Math.max(refused, probeBytes), failure.detail);
      return;
    }
    // That the few bytes of an offset still fit does not show that records do.
    if (written + probeBytes === 0) return;
    this.#availability.wrote(Math.max(written, probeBytes));
    if (this.#availability.health.up) this.#telemetry.becameAvailable();
  }

  #applyResult(
    taken: readonly TakenAppends[],
    offsets: readonly PendingOffset[],
    result: CommitResult,
    seconds: number,
  ): void {
    settleOffsets(offsets, result.offsetsFailure);
    this.#countSettled(offsets.length);
    this.#settleSegments(taken, result, seconds);
    if (taken.length > 0) this.#parts.onAppended(result.usedBytes);
  }

  #settleSegments(taken: readonly TakenAppends[], result: CommitResult, seconds: number): void {
    const refused = new Map<AppendLane, PackedAppends[]>();
    for (const [index, { lane, pending }] of taken.entries()) {
      const outcome = result.segments[index];
      if (outcome?.kind === 'durable') {
        lane.failures = 0;
        lane.trouble = undefined;
        this.#countSettled(resolveAppends(pending, 0, outcome.baseOffset));
      } else if (outcome !== undefined) {
        refused.set(lane, [...(refused.get(lane) ?? []), { payload: outcome.payload, pending }]);
        const { cause, detail } = outcome.failure;
        lane.trouble = detail;
        this.#telemetry.appendFailed(cause, lane.topic, pending.length, detail);
      }
    }
    if (refused.size < taken.length || taken.length === 0) this.#telemetry.appended(seconds);
    for (const [lane, appends] of refused) {
      lane.failures++;
      lane.notBefore = performance.now() + backoffDelayMs(BACKOFF, lane.failures, this.#deps.random);
      lane.putBack(appends);
    }
  }

  #applyDeath(taken: readonly TakenAppends[], offsets: readonly PendingOffset[], error: unknown): void {
    const detail = describeError(error);
    this.#becomeUnhealthy(0, detail);
    for (const { pending, lane } of taken) {
      this.#telemetry.appendFailed('other', lane.topic, pending.length, detail);
      this.#countSettled(giveUpAppends(pending, Infinity, detail));
    }
    for (const { reject } of offsets)
      reject(new PipelineError('event-log-unavailable', detail, { cause: error }));
    this.#countSettled(offsets.length);
  }

  #becomeUnhealthy(bytes: number, detail: string): void {
    this.#availability.failed(bytes, detail, performance.now());
    this.#telemetry.becameUnavailable(detail);
  }

  #countSettled(count: number): void {
    this.#unsettled -= count;
    if (this.#unsettled === 0) this.#drained?.resolve();
  }

  #retryIn(delayMs: number): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#flush(), Math.max(1, Math.ceil(delayMs)));
  }

  /** Gives up every record whose deadline has passed, and sets the timer to the next one. */
  #giveUpLate(): void {
    const now = performance.now();
    const { up, detail: ofLog } = this.health;
    const giveUp = ({ topic, trouble }: AppendLane, pending: () => Iterable<PendingAppend>): number => {
      const detail = up ? (trouble ?? 'not durable before the deadline') : ofLog;
      const late = giveUpAppends(pending(), now, detail);
      if (late > 0) this.#telemetry.appendFailed('deadline', topic, late, detail);
      this.#countSettled(late);
      for (const { settled, deadlineAt } of pending()) if (!settled) this.#deadlines.watch(deadlineAt);
      return late;
    };
    for (const { lane, pending } of this.#inFlight ?? []) giveUp(lane, () => pending);
    for (const lane of this.#lanes.all()) if (giveUp(lane, () => lane.pending()) > 0) lane.forgetSettled();
  }
}
