import { RECORD_FRAME_BYTES } from '#event-log/kafka/wire/record-batch.ts';
import { type PendingAppend, resolveAppends } from '#event-log/pending-append.ts';
import { type Backoff, backoffDelayMs } from '#runtime/retry.ts';
import type { AppendFailure } from './append-failure.ts';

/** A record on its way into the log. */
export interface EncodedAppend extends PendingAppend {
  /** Key, value and headers as they stand in a record batch. */
  readonly body: Buffer;
}

/** A batch must fit into the broker's default `max.message.bytes` (1 MiB) with its framing. */
const MAX_BATCH_BYTES = 1_000_000;
const MAX_BATCH_RECORDS = 10_000;
const BACKOFF: Backoff = { firstDelayMs: 50, maxDelayMs: 1_000, jitter: 0.3 };
/** What an operator has to put right is not put right sooner by asking. */
const SLOW_BACKOFF: Backoff = { firstDelayMs: 2_000, maxDelayMs: 30_000, jitter: 0.3 };

/**
 * The records of one partition that are not durable yet, and the decision what to send next; the loop that acts on it
 * is `appender.ts`. Three modes:
 *
 * - *open*: what is waiting may be taken as the next batch.
 * - *in flight*, from `take` until `succeeded` or `failed`: at most one batch of a partition is unresolved, so a retry
 *   can never overtake a later record (P4). Records that arrive meanwhile wait: that is the group commit.
 * - *backing off*, after a failure until `notBefore`: the failed batch stands in front of everything that came later,
 *   in its old order. It is sent again as a whole, perhaps with more behind it; what the log already has of it becomes
 *   a duplicate, which P3 makes harmless.
 *
 * A record whose deadline passes gets its rejection at once, in flight or not. In flight it stays part of the batch
 * (it may become durable all the same), but it is not sent again.
 */
export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  readonly #random: () => number;
  #waiting: EncodedAppend[] = [];
  #inFlight: EncodedAppend[] | undefined;
  /** When the batch in front was first sent, on the clock of `performance.now()`. */
  #firstSentAt: number | undefined;
  /** Failures in a row. */
  #failures = 0;
  #notBefore = 0;
  #apart = false;
  /** Halved while the log refuses something in the batch, doubled by each success. */
  #maxRecords = MAX_BATCH_RECORDS;

  constructor(topic: string, partition: number, random: () => number) {
    this.topic = topic;
    this.partition = partition;
    this.#random = random;
  }

  /** Must not share a request: the broker would keep the answer of the others back as well. */
  get apart(): boolean {
    return this.#apart;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Nothing waits or is on its way. */
  get idle(): boolean {
    return this.#waiting.length === 0 && this.#inFlight === undefined;
  }

  add(append: EncodedAppend): void {
    this.#waiting.push(append);
  }

  mayBeTaken(now: number): boolean {
    return this.#inFlight === undefined && this.#waiting.length > 0 && now >= this.#notBefore;
  }

  /** The next batch, never empty. Only when it `mayBeTaken`. */
  take(now: number): readonly EncodedAppend[] {
    this.#firstSentAt ??= now;
    let count = 0;
    let bytes = 0;
    for (const append of this.#waiting) {
      bytes += append.body.length + RECORD_FRAME_BYTES;
      if (count > 0 && (count >= this.#maxRecords || bytes > MAX_BATCH_BYTES)) break;
      count++;
    }
    this.#inFlight = this.#waiting.splice(0, count);
    return this.#inFlight;
  }

  /**
   * The batch in flight is durable from `baseOffset` on.
   *
   * @returns how many callers got their answer, and the seconds since the first attempt
   */
  succeeded(baseOffset: number, now: number): { readonly answered: number; readonly seconds: number } {
    const appends = this.#inFlight ?? [];
    const seconds = (now - (this.#firstSentAt ?? now)) / 1000;
    this.#inFlight = undefined;
    this.#firstSentAt = undefined;
    this.#failures = 0;
    this.#notBefore = 0;
    this.#apart = false;
    this.#maxRecords = Math.min(this.#maxRecords * 2, MAX_BATCH_RECORDS);
    return { answered: resolveAppends(appends, this.partition, baseOffset), seconds };
  }

  /**
   * The batch in flight, or one that could not even be sent, is not known to be durable.
   *
   * @returns the record that the log will never accept, no longer in the queue; its caller has no answer yet
   */
  failed(failure: AppendFailure, now: number): EncodedAppend | undefined {
    const batch = this.#inFlight ?? [];
    this.#inFlight = undefined;
    this.#failures++;
    this.#apart = failure.remedy === 'apart';
    let refused: EncodedAppend | undefined;
    if (failure.remedy === 'smaller' && batch.length > 0) {
      this.#maxRecords = Math.max(1, batch.length >> 1);
      if (batch.length === 1) refused = batch.pop();
    } else {
      const backoff = failure.remedy === 'much-later' ? SLOW_BACKOFF : BACKOFF;
      this.#notBefore = now + backoffDelayMs(backoff, this.#failures, this.#random);
    }
    const again = batch.filter((append) => !append.settled);
    if (again.length > 0) this.#waiting = again.concat(this.#waiting);
    this.#forgetBackoffWhenIdle();
    return refused;
  }

  /** @returns the records whose deadline passed, the waiting ones no longer in the queue; their callers have no answer yet */
  takeExpired(now: number): EncodedAppend[] {
    const isExpired = (append: EncodedAppend) => append.deadlineAt <= now;
    const expired = this.#waiting.filter(isExpired);
    if (expired.length > 0) this.#waiting = this.#waiting.filter((append) => !isExpired(append));
    for (const append of this.#inFlight ?? []) {
      if (!append.settled && isExpired(append)) expired.push(append);
    }
    this.#forgetBackoffWhenIdle();
    return expired;
  }

  /** The next record is not made to wait for the failures of those that were given up. */
  #forgetBackoffWhenIdle(): void {
    if (!this.idle) return;
    this.#failures = 0;
    this.#notBefore = 0;
    this.#firstSentAt = undefined;
  }
}
