import type { Kafka } from 'kafkajs';
import type { AppendRecord, LogRecord, RecordPosition } from '#contract/log-record.ts';
import type {
  AppendCaller,
  EventLog,
  EventLogHealth,
  GroupMember,
  LockOptions,
  PartitionProgress,
  ReadOptions,
  SubscribeOptions,
  Subscription,
  TopicSettings,
} from '#event-log/event-log.ts';
import { logClosed, promisedAppend } from '#event-log/pending-append.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeJump } from '#runtime/kept-time.ts';
import { beginSeenTime, SeenTime } from '#runtime/seen-time.ts';
import { Appender } from './append/appender.ts';
import { BrokerClocks } from './append/broker-clocks.ts';
import { ClusterView } from './ask/cluster-view.ts';
import { lookAgain } from './ask/fetch-partition.ts';
import { membersOf, setOffsets } from './ask/groups.ts';
import { acquireLock } from './ask/lock.ts';
import { OldestRecordWatch } from './ask/oldest-record-watch.ts';
import { withPatience } from './ask/patience.ts';
import { ProgressReader } from './ask/progress.ts';
import { readTopic } from './ask/reader.ts';
import { topicContradictions } from './ask/topic-look.ts';
import { offsetsSince } from './ask/topic-queries.ts';
import { ensureTopics } from './ask/topics.ts';
import { KafkaSubscription, type SubscriptionSettings } from './consume/subscription.ts';
import type { KafkaEventLogOptions } from './options.ts';
import { createKafkaTelemetry, type KafkaTelemetry } from './telemetry.ts';
import { BrokerConnections } from './wire/broker-connections.ts';
import { createKafka, saslOptions } from './wire/client.ts';
import { sendProduce } from './wire/produce-request.ts';

/**
 * Opens the event log on Apache Kafka. Succeeds while Kafka is away: the driver keeps connecting, says so in the log,
 * and `health().up` is false meanwhile.
 */
export async function openKafkaEventLog(options: KafkaEventLogOptions, deps: Deps): Promise<EventLog> {
  const telemetry = createKafkaTelemetry(deps);
  const log = new KafkaEventLog(options, deps, telemetry);
  telemetry.opened('kafka', options.brokers.join(','));
  return log;
}

/** How long a broker waits for its replicas before it says `REQUEST_TIMED_OUT`. */
const REPLICATION_MS = 4_500;
/** How long we wait for that answer; then the broker is taken for frozen or cut off. */
const PRODUCE_MS = 5_000;
const DEFAULT_SESSION_TIMEOUT_MS = 30_000;

/**
 * The port over its parts: appending ({@link Appender} over {@link BrokerConnections}, routed by {@link ClusterView}),
 * subscriptions (kafkajs consumers), questions (progress, reading, locks) and topics (kafkajs admin).
 */
class KafkaEventLog implements EventLog {
  readonly #options: KafkaEventLogOptions;
  readonly #deps: Deps;
  readonly #telemetry: KafkaTelemetry;
  readonly #kafka: Kafka;
  readonly #connections: BrokerConnections;
  readonly #view: ClusterView;
  readonly #appender: Appender;
  readonly #progress: ProgressReader;
  readonly #oldest: OldestRecordWatch;
  /** Retention goes by the brokers' clocks; what is said of ages, by that of this process. */
  readonly #time: SeenTime;
  readonly #brokerClocks = new BrokerClocks();
  /** Topics that this process has found so. */
  readonly #neverCompacted = new Set<string>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #locks = new Set<AsyncDisposable>();
  #closing: Promise<void> | undefined;

  constructor(options: KafkaEventLogOptions, deps: Deps, telemetry: KafkaTelemetry) {
    this.#options = options;
    this.#deps = deps;
    this.#telemetry = telemetry;
    this.#time = new SeenTime(beginSeenTime(deps.now()));
    this.#kafka = createKafka(options, telemetry);
    this.#connections = new BrokerConnections({
      bootstrap: options.brokers,
      ssl: options.ssl === true ? {} : options.ssl || null,
      sasl: options.sasl === undefined ? null : saslOptions(options.sasl),
      clientId: options.clientId,
      logger: this.#kafka.logger(),
    });
    this.#appender = new Appender({
      produce: (leader, channel, data) =>
        this.#connections.ask(leader, channel, (c) => sendProduce(c, data, REPLICATION_MS, PRODUCE_MS)),
      onAnswer: (leader, answer, sent) => {
        const answered = { wallMs: deps.now(), monotonicMs: performance.now() };
        const aheadMs = this.#brokerClocks.compare(leader, answer, sent, answered);
        if (aheadMs !== undefined) telemetry.brokerClockSeen(leader, aheadMs);
      },
      follow: (topic) => this.#view.follow(topic),
      refresh: () => this.#view.refresh(),
      describeBroker: (leader) => this.#connections.describe(leader),
      onChange: () => this.#reportHealth(),
      telemetry,
      now: deps.now,
      random: deps.random,
    });
    this.#view = new ClusterView(this.#connections, deps.random, (topics) => {
      for (const broker of this.#brokerClocks.forget(performance.now()))
        telemetry.brokerClockForgotten(broker);
      this.#appender.onClusterView(topics);
      this.#reportHealth();
      telemetry.clockCompared(this.#time.disagreementMs, false, describeJump(this.#time));
    });
    this.#progress = new ProgressReader(this.#connections);
    this.#oldest = new OldestRecordWatch(this.#connections, telemetry, deps.now);
    this.#view.start();
  }

  append(record: AppendRecord, deadlineAt: number): Promise<RecordPosition> {
    return promisedAppend((caller) => this.appendFor(record, deadlineAt, caller));
  }

  appendFor(record: AppendRecord, deadlineAt: number, caller: AppendCaller): void {
    this.#appender.appendFor(record, deadlineAt, caller);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    this.#assertOpen();
    const subscription = new KafkaSubscription(options, this.#subscriptionSettings(), {
      createKafka: () => createKafka(this.#options, this.#telemetry),
      progress: (topic, group) => this.#progress.read(topic, group),
      coordinator: (group) => this.#connections.describeCoordinator(group),
      lookAgain: (topic, partition, offset) =>
        lookAgain({ ...this.#placeOf(topic), channel: 'look-again', partition }, offset),
      telemetry: this.#telemetry,
      random: this.#deps.random,
    });
    this.#subscriptions.add(subscription);
    const forget = () => this.#subscriptions.delete(subscription);
    subscription.stopped.then(forget, forget);
    return subscription;
  }

  async *read(topic: string, options: ReadOptions = {}): AsyncGenerator<LogRecord> {
    this.#assertOpen();
    yield* readTopic(this.#placeOf(topic), options);
  }

  async progress(topic: string, group: string): Promise<readonly PartitionProgress[]> {
    this.#assertOpen();
    this.#oldest.follow(topic);
    const partitions = await this.#progress.read(topic, group);
    const retentionMs = this.#oldest.retentionMs(topic);
    return retentionMs === undefined ? partitions : partitions.map((each) => ({ ...each, retentionMs }));
  }

  async offsetsAt(topic: string, timeMs: number): Promise<ReadonlyMap<number, number>> {
    this.#assertOpen();
    return withPatience(`offsets of ${topic}`, () => offsetsSince(this.#connections, topic, timeMs));
  }

  async members(topic: string, group: string): Promise<readonly GroupMember[]> {
    this.#assertOpen();
    return membersOf(this.#connections, topic, group);
  }

  async setOffsets(topic: string, group: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    this.#assertOpen();
    await setOffsets(this.#connections, topic, group, offsets);
  }

  async ensureTopics(topics: readonly TopicSettings[]): Promise<void> {
    this.#assertOpen();
    await ensureTopics(topics, this.#options, {
      kafka: this.#kafka,
      connections: this.#connections,
      telemetry: this.#telemetry,
    });
    for (const { name, cleanup } of topics) {
      this.#appender.follow(name);
      if (cleanup === 'delete') this.#neverCompacted.add(name);
    }
  }

  async topicContradictions(
    topics: readonly TopicSettings[],
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    this.#assertOpen();
    return topicContradictions(topics, this.#options.replicationFactor, this.#connections);
  }

  async acquireLock(name: string, { onHeld }: LockOptions = {}): Promise<AsyncDisposable | undefined> {
    this.#assertOpen();
    const lock = await acquireLock(this.#connections, name, this.#telemetry, onHeld);
    if (lock === undefined) return undefined;
    this.#locks.add(lock);
    return {
      [Symbol.asyncDispose]: async () => {
        if (this.#locks.delete(lock)) await lock[Symbol.asyncDispose]();
      },
    };
  }

  health(): EventLogHealth {
    const detail = this.#view.problem ?? this.#appender.problem();
    const refusalTrouble = this.#telemetry.refusalTrouble();
    this.#time.look(this.#deps.now(), performance.now());
    const brokersClock = this.#brokerClocks.trouble((broker) => this.#connections.describe(broker));
    const clockTrouble = describeJump(this.#time) ?? brokersClock;
    return {
      up: detail === undefined,
      detail: detail ?? '',
      ...(refusalTrouble && { refusalTrouble }),
      ...(clockTrouble && { clockTrouble }),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all([
      this.#appender.close(),
      ...Array.from(this.#subscriptions, (subscription) => subscription.close()),
      ...Array.from(this.#locks, (lock) => lock[Symbol.asyncDispose]()),
    ]);
    // Closing the connections ends a look that waits for a frozen broker.
    const looked = this.#view.close();
    this.#connections.close();
    await Promise.all([looked, this.#oldest.close()]);
    this.#telemetry.closed();
  }

  #reportHealth(): void {
    const { up, detail } = this.health();
    if (up) this.#telemetry.becameAvailable();
    else if (this.#view.problem !== undefined || !this.#appender.isUntried())
      this.#telemetry.becameUnavailable(detail);
  }

  #placeOf(topic: string) {
    return { connections: this.#connections, topic, isNeverCompacted: this.#neverCompacted.has(topic) };
  }

  #subscriptionSettings(): SubscriptionSettings {
    const {
      partitionsAtOnce = 12,
      sessionTimeoutMs = DEFAULT_SESSION_TIMEOUT_MS,
      ...rest
    } = this.#options.consumer ?? {};
    const { heartbeatMs = sessionTimeoutMs / 10, stallMs = 60_000 } = rest;
    return { partitionsAtOnce, sessionTimeoutMs, heartbeatMs, stallMs };
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw logClosed();
  }
}
