import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import { describeError } from '#runtime/errors.ts';
import { type Backoff, backoffDelayMs } from '#runtime/retry.ts';

/** A topic as the latest metadata describe it. */
export interface TopicView {
  readonly name: string;
  /** Leading broker by partition; undefined while there is none. Empty: the topic does not exist. */
  readonly leaders: readonly (number | undefined)[];
  /** Kafka's error code; 0 = the topic exists. */
  readonly errorCode: number;
}

/** Milliseconds between two looks while nothing asks for one; so often an idle log notices that Kafka is away. */
const IDLE_LOOK_MS = 5_000;
/** Milliseconds from one look to the next while something asks for it. */
const MIN_LOOK_MS = 100;
const BACKOFF: Backoff = { firstDelayMs: 200, maxDelayMs: 2_000, jitter: 0.3 };

/**
 * What is known about the cluster: which broker leads which partition, and whether the cluster answers at all. One loop
 * keeps it fresh, from opening to closing, and is also how the driver connects and connects again: it looks every few
 * seconds, soon after `refresh`, and after a failure with back-off. It never gives up and never throws.
 *
 * Modes: *away* (from `start`, and after a look that failed: `problem` says why, back-off) ⇄ *known* (after a look that was
 * answered) → *closed*, from both, when the look under way is over.
 */
export class ClusterView {
  readonly #connections: BrokerConnections;
  readonly #random: () => number;
  readonly #onLook: (topics: readonly TopicView[] | undefined) => void;
  readonly #topics = new Set<string>();
  readonly #stop = new AbortController();
  #wake: () => void = () => undefined;
  #looking: Promise<void> | undefined;
  #problem: string | undefined = 'not connected yet';

  /** @param onLook called after every look; with what was learned, undefined when no broker answered */
  constructor(
    connections: BrokerConnections,
    random: () => number,
    onLook: (topics: readonly TopicView[] | undefined) => void,
  ) {
    this.#connections = connections;
    this.#random = random;
    this.#onLook = onLook;
  }

  /** Why the cluster cannot be reached; undefined when it can. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#looking = this.#keepLooking();
  }

  /** Learn about `topic` from now on. */
  follow(topic: string): void {
    if (this.#topics.has(topic)) return;
    this.#topics.add(topic);
    this.#wake();
  }

  /** What is known has proved wrong. */
  refresh(): void {
    this.#wake();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#looking;
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      const asked = Promise.withResolvers<void>();
      this.#wake = asked.resolve;
      let topics: TopicView[] | undefined;
      try {
        topics = await this.#look();
        this.#problem = undefined;
        failures = 0;
      } catch (error) {
        this.#problem = describeError(error);
        failures++;
      }
      if (signal.aborted) return;
      this.#onLook(topics);
      const pauseMs = failures === 0 ? MIN_LOOK_MS : backoffDelayMs(BACKOFF, failures, this.#random);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (failures > 0) continue;
      const idle = new AbortController();
      const idled = sleep(IDLE_LOOK_MS, undefined, { signal: idle.signal }).catch(() => undefined);
      await Promise.race([asked.promise, idled]);
      idle.abort();
    }
  }

  async #look(): Promise<TopicView[]> {
    const { topicMetadata } = await this.#connections.metadata([...this.#topics]);
    await this.#connections.reachAdvertised();
    return topicMetadata.map(({ topic, topicErrorCode, partitionMetadata }) => {
      const leaders: (number | undefined)[] = new Array(partitionMetadata.length).fill(undefined);
      for (const { partitionId, leader } of partitionMetadata) {
        leaders[partitionId] = leader < 0 ? undefined : leader;
      }
      return { name: topic, leaders, errorCode: topicErrorCode };
    });
  }
}
