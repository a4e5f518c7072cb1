import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { LIMITS } from '#contract/limits.ts';
import type { SubscribeOptions } from '#event-log/event-log.ts';
import { pause } from '#runtime/retry.ts';
import { type DeliveryDeps, deliver } from './delivery.ts';
import { SharedCommits } from './shared-commits.ts';

export interface GroupConsumerSettings {
  readonly partitionsAtOnce: number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
}

export type GroupConsumerDeps = Pick<DeliveryDeps, 'telemetry' | 'random' | 'lookAgain'>;

/** Memory: a fetch holds at most this much, and so much of each partition (a larger single batch comes whole). */
const FETCH_BYTES = 10 * 1024 * 1024;
const FETCH_BYTES_PER_PARTITION = 1024 * 1024;
/** The pause of kafkajs while no partition can be fetched; what a fetch waits for is decided in `wire/fetch-wait.ts`. */
const NO_PARTITIONS_MS = 500;
/** New partitions of a topic are found within this time. */
const METADATA_MAX_AGE_MS = 60_000;

/** How long closing waits for a join that is under way: in time to leave behind it. */
const JOIN_GRACE_MS = LIMITS.shutdownLeaveMs - 1_000;

const closes = () => new Error('the subscription closes');

/** One membership in the group, from a join to the next: what `onBatch` signals fire on. */
class Membership {
  readonly #lost = new AbortController();
  /** Why kafkajs has to do something about it; undefined when it already does. */
  failure: Error | undefined;

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  lose(why: Error): void {
    this.#lost.abort(why);
  }
}

/**
 * One run of a kafkajs consumer, from connecting to its crash or `close`; `subscription.ts` starts the next one.
 *
 * kafkajs has no callback for partitions that are taken away, and may join again on its own in the middle of a batch
 * (when a fetch from another broker finds new leaders). So the membership in hand ends with the first of: a heartbeat
 * that fails, a new join, closing. Batches delivered under it are discarded from then on.
 *
 * Modes: *joining* (`start`) → *member* (each GROUP_JOIN of kafkajs: another membership) → *crashed* (`crashed` resolves;
 * whoever owns it closes it and makes another) or *closed* (`close`, in every mode). There is no way back to *joining* from
 * the outside: kafkajs joins again by itself, or the consumer is over.
 */
export class GroupConsumer {
  readonly #consumer: Consumer;
  readonly #options: SubscribeOptions;
  readonly #settings: GroupConsumerSettings;
  readonly #deps: GroupConsumerDeps;
  readonly #commits = new SharedCommits();
  readonly #crash = Promise.withResolvers<Error>();
  #membership = new Membership();
  #starting: Promise<void> | undefined;
  #closed = false;
  #assigned: ReadonlySet<number> = new Set();
  #deliveries = 0;
  #lastMoveAt = performance.now();
  #lastSignOfLifeAt = -Infinity;

  /** @param kafka a client of its own */
  constructor(
    kafka: Kafka,
    options: SubscribeOptions,
    settings: GroupConsumerSettings,
    deps: GroupConsumerDeps,
  ) {
    this.#options = options;
    this.#settings = settings;
    this.#deps = deps;
    this.#consumer = kafka.consumer({
      groupId: options.group,
      allowAutoTopicCreation: false,
      sessionTimeout: settings.sessionTimeoutMs,
      rebalanceTimeout: settings.sessionTimeoutMs,
      heartbeatInterval: settings.heartbeatMs,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      maxWaitTimeInMs: NO_PARTITIONS_MS,
      maxBytes: FETCH_BYTES,
      maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
      // Its own restarts are switched off: whether to go on, and when, is decided in one place, and that is ours.
      retry: { retries: 2, initialRetryTime: 200, maxRetryTime: 1_000, restartOnFailure: async () => false },
    });
    this.#listen();
  }

  /** Resolves with the reason when the consumer stopped by itself. */
  get crashed(): Promise<Error> {
    return this.#crash.promise;
  }

  get assigned(): ReadonlySet<number> {
    return this.#assigned;
  }

  /** Milliseconds since a batch came, went or was handled; 0 while a handler is busy. */
  get quietMs(): number {
    return this.#deliveries > 0 ? 0 : performance.now() - this.#lastMoveAt;
  }

  /** Milliseconds since the coordinator last answered. */
  get silentMs(): number {
    return performance.now() - this.#lastSignOfLifeAt;
  }

  /** Joins the group. @throws kafkajs errors */
  start(): Promise<void> {
    this.#starting = this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    await this.#consumer.connect();
    this.#assertOpen();
    // Always from the beginning: else what was written to a new partition before it was discovered would be skipped.
    await this.#consumer.subscribe({ topics: [this.#options.topic], fromBeginning: true });
    this.#assertOpen();
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.#settings.partitionsAtOnce,
      eachBatch: (payload) => this.#onBatch(payload),
    });
  }

  /**
   * Discards the batches in hand and leaves the group. kafkajs cannot be stopped while it joins, which may take as long
   * as the slowest member: after `LIMITS.shutdownLeaveMs` it leaves in the background, as soon as it is in.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#membership.lose(closes());
    const leaving = this.#leave();
    const enough = new AbortController();
    await Promise.race([leaving, pause(LIMITS.shutdownLeaveMs, enough.signal)]);
    enough.abort();
  }

  /**
   * A join that is cut off leaves a member behind that nobody speaks for: the group waits for it until its session is
   * over, and the next consumer with it. So it is waited for, unless Kafka does not answer.
   */
  async #leave(): Promise<void> {
    const started = this.#starting?.catch(() => undefined);
    const enough = new AbortController();
    await Promise.race([started, pause(JOIN_GRACE_MS, enough.signal)]);
    enough.abort();
    await this.#consumer.disconnect().catch(() => undefined);
    await started;
    await this.#consumer.disconnect().catch(() => undefined);
  }

  #assertOpen(): void {
    if (this.#closed) throw closes();
  }

  #listen(): void {
    const { events } = this.#consumer;
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => {
      this.#membership.lose(new Error('the group was joined anew'));
      this.#membership = new Membership();
      if (this.#closed) this.#membership.lose(closes());
      const partitions = (payload.memberAssignment[this.#options.topic] ?? []).toSorted((a, b) => a - b);
      this.#assigned = new Set(partitions);
      this.#onSignOfLife();
      this.#deps.telemetry.rebalanced(this.#options.topic, this.#options.group, partitions);
      this.#options.onAssigned?.(partitions);
    });
    this.#consumer.on(events.HEARTBEAT, () => this.#onSignOfLife());
    this.#consumer.on(events.CRASH, ({ payload }) => this.#crash.resolve(payload.error));
  }

  #onSignOfLife(): void {
    this.#lastSignOfLifeAt = performance.now();
  }

  async #onBatch(payload: EachBatchPayload): Promise<void> {
    const membership = this.#membership;
    this.#deliveries++;
    try {
      await deliver(payload, this.#options, membership.lost, {
        ...this.#deps,
        heartbeatMs: this.#settings.heartbeatMs,
        commits: this.#commits,
        onMembershipLost: (error) => {
          membership.failure ??= error;
          membership.lose(error);
        },
      });
    } finally {
      this.#deliveries--;
      this.#lastMoveAt = performance.now();
    }
    // kafkajs joins again, or recovers the connection, when its own error comes back to it.
    if (membership.failure !== undefined && membership === this.#membership) throw membership.failure;
  }
}
