import type { DeliveredBatch, SubscribeOptions, Subscription } from '#event-log/event-log.ts';
import { handleBatch, identityOf } from '#event-log/handle-batch.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { type Backoff, backoffDelayMs, pause } from '#runtime/retry.ts';
import type { ChangeSignal } from './change-signal.ts';
import { offsetAfter } from './chunk-cursor.ts';
import { LARGE_CHUNK_BYTES, restMs } from './consumer-rest.ts';
import { FetchedChunk } from './fetched-chunk.ts';
import type { FetchRequest, FetchResult, GroupRequest, OffsetCommit } from './log-thread-calls.ts';
import type { EmbeddedLogTelemetry } from './telemetry.ts';

/** Bytes that are read at once, or as many as a batch may have; the next chunk is read while the handler works on this one. */
const CHUNK_BYTES = 1024 * 1024;
const BACKOFF: Backoff = { firstDelayMs: 100, maxDelayMs: 10_000, jitter: 0.5 };
/** How often a member looks whether the one at work has left. Milliseconds. */
const MEMBERSHIP_POLL_MS = 250;

export interface SubscriptionParts {
  /** Membership of (topic, group): one member works at a time, the topic having one partition. `undefined` = another one does. */
  readonly enterGroup: () => Disposable | undefined;
  readonly joinGroup: (request: GroupRequest) => Promise<void>;
  readonly committedOffset: () => Promise<number>;
  readonly fetch: (request: FetchRequest) => Promise<FetchResult>;
  readonly commitOffset: (offset: OffsetCommit) => Promise<void>;
  readonly changes: ChangeSignal;
  /** For the words about damage. */
  readonly file: string;
  readonly telemetry: EmbeddedLogTelemetry;
}

/**
 * A consumer: one loop that fetches, hands a batch to the handler, commits it, and only then goes on.
 *
 * - Waiting for membership: while another member of the group, of any process, is at work. Ends when that one leaves or dies.
 * - At work: batches in order, with a rest between small ones (`consumer-rest.ts`). A handler that rejects gets the same records again after a back-off; a fetch or a commit
 *   that fails is tried again for ever, `healthy` being false meanwhile. Records that were handled are not handled
 *   again because their commit failed.
 * - Closing: the signal fires, the loop ends when the handler has ended; its batch is not committed.
 * - Stopped: the file is damaged, the thread died, or `onCommitted` threw: going on would not help or would not be
 *   right. `stopped` rejects, and the process is restarted by its supervisor (P7).
 */
export class LogSubscription implements Subscription {
  readonly stopped: Promise<void>;
  readonly #options: SubscribeOptions;
  readonly #parts: SubscriptionParts;
  readonly #deps: Deps;
  readonly #closing = new AbortController();
  readonly #closed: Promise<void>;
  /** Why the log did not answer the last time. */
  #trouble: string | undefined;

  constructor(options: SubscribeOptions, parts: SubscriptionParts, deps: Deps) {
    this.#options = options;
    this.#parts = parts;
    this.#deps = deps;
    this.#closed = new Promise((resolve) =>
      this.#closing.signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    this.stopped = this.#run();
    // Whoever looks at `stopped` sees the rejection; whoever does not is not to be killed by it.
    this.stopped.catch(() => undefined);
  }

  trouble(): string | undefined {
    return this.#trouble;
  }

  async close(): Promise<void> {
    this.#closing.abort(new PipelineError('closed', 'the subscription is closed'));
    await this.stopped.catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  async #run(): Promise<void> {
    const { topic, group } = this.#options;
    let membership: Disposable | undefined;
    try {
      membership = await this.#becomeMember();
      if (this.#isClosing) return;
      this.#parts.telemetry.consumerStarted(topic, group);
      await this.#work();
    } catch (cause) {
      if (this.#isClosing) return;
      this.#trouble = describeError(cause);
      this.#parts.telemetry.consumerStopped(topic, group, cause);
      throw new PipelineError(
        'consumer-stopped',
        `the consumer of ${topic} stopped: ${describeError(cause)}`,
        { cause },
      );
    } finally {
      membership?.[Symbol.dispose]();
    }
  }

  async #becomeMember(): Promise<Disposable | undefined> {
    const { onAssigned } = this.#options;
    for (let attempt = 1; !this.#isClosing; attempt++) {
      const membership = this.#parts.enterGroup();
      if (membership !== undefined) {
        onAssigned?.([0]);
        return membership;
      }
      if (attempt === 1) onAssigned?.([]);
      await pause(MEMBERSHIP_POLL_MS, this.#closing.signal);
    }
    return undefined;
  }

  async #work(): Promise<void> {
    const { topic, group } = this.#options;
    await this.#persist(() => this.#parts.joinGroup({ topic, group }));
    let position = (await this.#persist(() => this.#parts.committedOffset())) ?? 0;
    let version = this.#parts.changes.version;
    let fetching = this.#fetch(Math.max(0, position));
    while (!this.#isClosing) {
      const chunk = await fetching;
      if (chunk === undefined) return;
      position = chunk.nextOffset;
      if (chunk.isEmpty) {
        await Promise.race([this.#parts.changes.changedSince(version), this.#closed]);
        version = this.#parts.changes.version;
        fetching = this.#fetch(position);
        continue;
      }
      const { bytes } = chunk;
      const readAt = performance.now();
      const readOn = (): void => {
        version = this.#parts.changes.version;
        fetching = this.#fetch(position);
      };
      // Read while the handler works, where there is more.
      if (bytes >= LARGE_CHUNK_BYTES) readOn();
      await this.#deliver(chunk);
      if (bytes >= LARGE_CHUNK_BYTES) continue;
      await pause(restMs(bytes, performance.now() - readAt), this.#closing.signal);
      readOn();
    }
  }

  async #deliver(chunk: FetchedChunk): Promise<void> {
    const { topic, group, onCommitted } = this.#options;
    while (!this.#isClosing) {
      const batch = chunk.next();
      const last = batch?.records.at(-1);
      if (batch === undefined || last === undefined) return;
      const done = await handleBatch(batch, this.#options, this.#closing.signal, {
        telemetry: this.#parts.telemetry,
        random: this.#deps.random,
      });
      if (!done) return;
      const offset = offsetAfter(last);
      const committed = await this.#persist(async () => {
        await this.#parts.commitOffset({ topic, group, offset });
        return true;
      }, batch);
      // Also when the subscription is closing by now: what was committed is counted (P8).
      if (committed !== true) continue;
      this.#parts.telemetry.damageSetAside(batch.records);
      onCommitted?.(batch);
    }
  }

  #fetch(fromOffset: number): Promise<FetchedChunk | undefined> {
    const { topic, maxBatchBytes } = this.#options;
    const maxBytes = Math.max(CHUNK_BYTES, maxBatchBytes);
    const fetched = this.#persist(async () => {
      const chunk = await this.#parts.fetch({ topic, fromOffset, maxBytes });
      return new FetchedChunk(chunk, fromOffset, this.#parts.file, this.#options, this.#closing.signal);
    });
    // It is awaited only after the handler of the chunk before.
    fetched.catch(() => undefined);
    return fetched;
  }

  /** Tries until it works; `undefined` when the subscription closed meanwhile. @throws PipelineError when trying again is no use */
  async #persist<T>(attempt: () => Promise<T>, batch?: DeliveredBatch): Promise<T | undefined> {
    for (let failures = 1; !this.#isClosing; failures++) {
      try {
        const result = await attempt();
        this.#trouble = undefined;
        return result;
      } catch (error) {
        if (this.#isClosing) return undefined;
        if (!(error instanceof PipelineError && error.retryable)) throw error;
        this.#trouble = describeError(error);
        if (batch !== undefined)
          this.#parts.telemetry.commitFailed(identityOf(batch, this.#options.group), error);
        await pause(backoffDelayMs(BACKOFF, failures, this.#deps.random), this.#closing.signal);
      }
    }
    return undefined;
  }
}
