import type { Kafka } from 'kafkajs';
import type { PartitionProgress, SubscribeOptions, Subscription } from '#event-log/event-log.ts';
import { describeKafkaError } from '#event-log/kafka/wire/error-codes.ts';
import { PipelineError } from '#runtime/errors.ts';
import { backoffDelayMs, pause } from '#runtime/retry.ts';
import { waysOn } from './consumer-failure.ts';
import { GroupConsumer, type GroupConsumerDeps, type GroupConsumerSettings } from './group-consumer.ts';
import { StallWatch } from './stall-watch.ts';

export interface SubscriptionDeps extends GroupConsumerDeps {
  /** A new client for each consumer: those of one client share a cache of offsets. */
  readonly createKafka: () => Kafka;
  /** For people: which broker a group is kept by, or whom one asks for it. Never rejects. */
  readonly coordinator: (group: string) => Promise<string>;
  readonly progress: (topic: string, group: string) => Promise<readonly PartitionProgress[]>;
}

export interface SubscriptionSettings extends GroupConsumerSettings {
  readonly stallMs: number;
}

/** The watchdog looks this many times until it calls a stall. */
const LOOKS_PER_STALL = 6;

/**
 * Keeps a consumer in the group. Modes:
 *
 * - *starting*: connecting and joining, with back-off, for as long as it takes; Kafka may be away.
 * - *running*, until the consumer crashes. A crash that a new consumer may survive leads back to *starting*.
 * - *stopped*: after a crash that says the code is at fault, or when the watchdog sees that nothing moves although
 *   there are records. `stopped` rejects, the process exits, its supervisor starts it anew (P7): state that went wrong
 *   in a way we do not understand is not worth repairing.
 * - *closed*.
 */
export class KafkaSubscription implements Subscription {
  readonly stopped: Promise<void>;
  readonly #options: SubscribeOptions;
  readonly #settings: SubscriptionSettings;
  readonly #deps: SubscriptionDeps;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #consumer: GroupConsumer | undefined;
  /** What keeps it from consuming, while no coordinator answers it. */
  #trouble = 'joins its group';

  constructor(options: SubscribeOptions, settings: SubscriptionSettings, deps: SubscriptionDeps) {
    this.#options = options;
    this.#settings = settings;
    this.#deps = deps;
    this.stopped = this.#run();
    this.#running = this.stopped.catch(() => undefined);
  }

  trouble(): string | undefined {
    if ((this.#consumer?.silentMs ?? Infinity) < this.#settings.sessionTimeoutMs) return undefined;
    const { topic, group } = this.#options;
    return `the consumer of ${topic} in ${group} ${this.#trouble}`;
  }

  async close(): Promise<void> {
    this.#trouble = 'is closed';
    this.#closing.abort();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    const { topic, group } = this.#options;
    const { telemetry, random, coordinator } = this.#deps;
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; ) {
      const startedAt = performance.now();
      const { error, wasAssigned } = await this.#runOnce();
      if (signal.aborted) return;
      const on = waysOn(error);
      if (on === undefined || isStall(error)) {
        telemetry.consumerStopped(topic, group, error);
        throw new PipelineError('consumer-stopped', `consumer of ${topic} in ${group} stopped`, {
          cause: error,
        });
      }
      failures = performance.now() - startedAt > on.backoff.maxDelayMs ? 1 : failures + 1;
      const delayMs = backoffDelayMs(on.backoff, failures, random);
      const why = describeKafkaError(error);
      this.#trouble = on.mustAct
        ? `is refused until its configuration is put right: ${why} (${await coordinator(group)})`
        : `failed: ${why}`;
      if (on.mustAct) telemetry.consumerRefused(topic, group, error, delayMs);
      else telemetry.consumerRestarts(topic, group, error, delayMs);
      if (wasAssigned) this.#options.onAssigned?.([]);
      await pause(delayMs, signal);
    }
  }

  /** @returns why the consumer is over, and whether it had partitions */
  async #runOnce(): Promise<{ readonly error: unknown; readonly wasAssigned: boolean }> {
    const { createKafka, telemetry } = this.#deps;
    const consumer = new GroupConsumer(createKafka(), this.#options, this.#settings, this.#deps);
    this.#consumer = consumer;
    const over = new AbortController();
    const { topic, group } = this.#options;
    const crash = async (): Promise<unknown> => {
      await consumer.start();
      telemetry.consumerStarted(topic, group);
      return consumer.crashed;
    };
    try {
      const ends = [
        crash(),
        this.#watch(consumer, over.signal),
        whenAborted(this.#closing.signal, over.signal),
      ];
      const error = await Promise.race(ends).catch((failure: unknown) => failure);
      return { error, wasAssigned: consumer.assigned.size > 0 };
    } finally {
      over.abort();
      this.#consumer = undefined;
      await consumer.close();
    }
  }

  /** Resolves with an error when the consumer has stalled; pending otherwise, resolves when it is over anyway. */
  async #watch(consumer: GroupConsumer, over: AbortSignal): Promise<unknown> {
    const { topic, group } = this.#options;
    const lookMs = this.#settings.stallMs / LOOKS_PER_STALL;
    const watch = new StallWatch(this.#settings.stallMs);
    while (await pause(lookMs, over)) {
      if (consumer.quietMs < lookMs) {
        watch.reset();
        continue;
      }
      let progress: readonly PartitionProgress[];
      try {
        progress = await this.#deps.progress(topic, group);
      } catch {
        // Kafka is away: that nothing moves needs no other reason.
        watch.reset();
        continue;
      }
      const stalled = watch.look(performance.now(), consumer.assigned, progress);
      if (stalled.length === 0 || consumer.quietMs < lookMs) continue;
      this.#deps.telemetry.consumerStalled(topic, group, stalled);
      return new PipelineError('consumer-stopped', `no progress in partitions ${stalled.join(', ')}`);
    }
    return undefined;
  }
}

/** Resolves when `signal` fires; forgotten when `over` does. */
function whenAborted(signal: AbortSignal, over: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { signal: over });
  });
}

function isStall(error: unknown): boolean {
  return error instanceof PipelineError && error.code === 'consumer-stopped';
}
