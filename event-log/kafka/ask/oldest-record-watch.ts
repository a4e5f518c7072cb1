import type { KafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import { pause } from '#runtime/retry.ts';
import { describeTopic, leadersOf, listOffsets } from './topic-queries.ts';

const LOOK_MS = 30_000;
/** "The first record since …?", asked for the beginning of time. */
const SINCE_EVER = 0;

/**
 * Says, while anyone follows a topic, how old the oldest record is that it still holds, and how old records may become:
 * beside the age of a backlog that is what retention will reach next. Somebody may shorten it while we run. Each look that
 * fails is followed by the next one; that the retention is not known is told, for an alert goes by it.
 */
export class OldestRecordWatch {
  readonly #connections: BrokerConnections;
  readonly #telemetry: KafkaTelemetry;
  readonly #now: () => number;
  readonly #closing = new AbortController();
  readonly #followed = new Map<string, Promise<void>>();
  readonly #retentions = new Map<string, number>();

  constructor(connections: BrokerConnections, telemetry: KafkaTelemetry, now: () => number) {
    this.#connections = connections;
    this.#telemetry = telemetry;
    this.#now = now;
  }

  follow(topic: string): void {
    if (!this.#followed.has(topic)) this.#followed.set(topic, this.#watch(topic));
  }

  /** How long the topic keeps its records, as it was last seen; infinity = for ever. */
  retentionMs(topic: string): number | undefined {
    return this.#retentions.get(topic);
  }

  /** The connections should be closed by now: that ends a look that waits for a frozen broker. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#followed.values());
  }

  async #watch(topic: string): Promise<void> {
    do {
      await this.#look(topic).catch(() => undefined);
      await this.#lookAtRetention(topic).catch((error: unknown) => {
        if (!this.#closing.signal.aborted) this.#telemetry.retentionUnknown(topic, error);
      });
    } while (await pause(LOOK_MS, this.#closing.signal));
  }

  async #look(topic: string): Promise<void> {
    const leaders = await leadersOf(this.#connections, topic);
    const questions = new Map([...leaders.keys()].map((partition) => [partition, SINCE_EVER]));
    const answers = await listOffsets(this.#connections, topic, leaders, questions);
    const held = [...answers.values()].filter(({ offset }) => Number(offset) >= 0);
    const oldest = Math.min(...held.map(({ timestamp }) => Number(timestamp)));
    const ageMs = Number.isFinite(oldest) ? Math.max(0, this.#now() - oldest) : 0;
    this.#telemetry.oldestRecordSeen(topic, ageMs / 1000);
  }

  async #lookAtRetention(topic: string): Promise<void> {
    const [leader] = (await leadersOf(this.#connections, topic)).values();
    if (leader === undefined) return;
    const names = ['cleanup.policy', 'retention.ms'];
    const config = await describeTopic(this.#connections, leader, topic, names);
    const retentionMs = Number(config['retention.ms'] ?? Number.NaN);
    if (Number.isNaN(retentionMs) || config['cleanup.policy']?.includes('delete') !== true) return;
    const keptMs = retentionMs < 0 ? Infinity : retentionMs;
    this.#retentions.set(topic, keptMs);
    this.#telemetry.retentionKnown(topic, keptMs / 1000);
  }
}
