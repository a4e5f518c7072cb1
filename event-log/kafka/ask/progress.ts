import { backlogStart } from '#event-log/backlog-start.ts';
import type { PartitionProgress } from '#event-log/event-log.ts';
import type { KafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import { BacklogSearch } from './backlog-search.ts';
import { withPatience } from './patience.ts';
import { END, type Leaders, leadersOf, listOffsets, OLDEST, offsetsOf } from './topic-queries.ts';

interface KnownBacklog {
  readonly offset: number;
  readonly since: number | null;
}

/** Groups and partitions whose backlog is remembered. */
const MAX_KNOWN = 10_000;

/**
 * Where partitions and groups stand, asked of the brokers themselves, so that it is right while every processor is
 * dead (P7). What was found out about the age of a backlog is remembered by the offset it begins at: a group that
 * stands still, which is when this matters, costs no further search.
 */
export class ProgressReader {
  readonly #connections: BrokerConnections;
  readonly #telemetry: KafkaTelemetry;
  readonly #now: () => number;
  readonly #known = new Map<string, KnownBacklog>();

  constructor(connections: BrokerConnections, telemetry: KafkaTelemetry, now: () => number) {
    this.#connections = connections;
    this.#telemetry = telemetry;
    this.#now = now;
  }

  read(topic: string, group: string): Promise<PartitionProgress[]> {
    return withPatience(`progress of ${group} in ${topic}`, () => this.#read(topic, group));
  }

  async #read(topic: string, group: string): Promise<PartitionProgress[]> {
    const leaders = await leadersOf(this.#connections, topic);
    // In this order, so that a group at work never looks as if it were ahead of the end.
    const committed = await this.#committed(topic, group, leaders);
    const [oldest, end] = await Promise.all([
      offsetsOf(this.#connections, topic, leaders, OLDEST),
      offsetsOf(this.#connections, topic, leaders, END),
    ]);
    const progress = [...leaders.keys()].map((partition) => ({
      partition,
      oldestOffset: oldest.get(partition) ?? 0,
      endOffset: end.get(partition) ?? 0,
      committedOffset: committed.get(partition) ?? -1,
    }));
    const backlogs = new Map<number, number>();
    for (const each of progress) {
      const next = backlogStart(each);
      if (next < each.endOffset) backlogs.set(each.partition, next);
    }
    const since = await this.#since(topic, group, leaders, backlogs);
    await this.#reportOldest(topic, leaders);
    return progress.map((each) => ({ ...each, backlogSince: since.get(each.partition) ?? null }));
  }

  async #reportOldest(topic: string, leaders: Leaders): Promise<void> {
    const questions = new Map([...leaders.keys()].map((partition) => [partition, 0]));
    const answers = await listOffsets(this.#connections, topic, leaders, questions);
    const timestamps = [...answers.values()].filter(({ offset }) => Number(offset) >= 0);
    const oldest = Math.min(...timestamps.map(({ timestamp }) => Number(timestamp)));
    const ageMs = Number.isFinite(oldest) ? Math.max(0, this.#now() - oldest) : 0;
    this.#telemetry.oldestRecordSeen(topic, ageMs / 1000);
  }

  async #committed(topic: string, group: string, leaders: Leaders): Promise<Map<number, number>> {
    const coordinator = await this.#connections.coordinatorOf(group);
    const partitions = [...leaders.keys()].map((partition) => ({ partition }));
    const answer = await this.#connections.ask(coordinator, 'query', (c) =>
      c.offsetFetch({ groupId: group, topics: [{ topic, partitions }] }),
    );
    const offsets = answer.responses.flatMap((response) => response.partitions);
    return new Map(offsets.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /** When the records at these offsets were appended. All partitions search side by side. */
  async #since(
    topic: string,
    group: string,
    leaders: Leaders,
    offsets: ReadonlyMap<number, number>,
  ): Promise<Map<number, number | null>> {
    const since = new Map<number, number | null>();
    const searches = new Map<number, BacklogSearch>();
    const now = this.#now();
    for (const [partition, offset] of offsets) {
      const known = this.#known.get(`${topic} ${partition} ${group}`);
      if (known?.offset === offset) since.set(partition, known.since);
      else searches.set(partition, new BacklogSearch(offset, now));
    }
    for (;;) {
      const questions = new Map<number, number>();
      for (const [partition, search] of searches) {
        const timestamp = search.next();
        if (timestamp !== undefined) questions.set(partition, timestamp);
      }
      if (questions.size === 0) break;
      const answers = await listOffsets(this.#connections, topic, leaders, questions);
      for (const [partition, asked] of questions) {
        const { offset, timestamp } = answers.get(partition) ?? { offset: -1, timestamp: -1 };
        searches.get(partition)?.learn(asked, { offset: Number(offset), timestamp: Number(timestamp) });
      }
    }
    if (this.#known.size > MAX_KNOWN) this.#known.clear();
    for (const [partition, search] of searches) {
      since.set(partition, search.result);
      const offset = offsets.get(partition) ?? 0;
      this.#known.set(`${topic} ${partition} ${group}`, { offset, since: search.result });
    }
    return since;
  }
}
