import { backlogStart } from '#event-log/backlog-start.ts';
import type { PartitionProgress } from '#event-log/event-log.ts';
import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import { visibleRecords } from '#event-log/kafka/wire/record-tunnel.ts';
import { fetchPartition, offsetAfter } from './fetch-partition.ts';
import { withPatience } from './patience.ts';
import { END, type Leaders, leadersOf, OLDEST, offsetsOf } from './topic-queries.ts';
import { type Found, VisibleBacklog } from './visible-backlog.ts';

/** Groups and partitions whose backlog is remembered. */
const MAX_KNOWN = 10_000;
/** Of one fetch; a larger record batch comes whole. */
const FETCH_BYTES = 256 * 1024;
/** Fetches must not wait behind, nor hold up, other questions. */
const CHANNEL = 'progress';

/**
 * Where partitions and groups stand, asked of the brokers themselves, so that it is right while every processor is
 * dead (P7). A partition without backlog costs no more than questions about offsets; one with a backlog is looked into.
 * What was seen is remembered: a group that stands still, which is when this matters, costs no further fetch.
 */
export class ProgressReader {
  readonly #connections: BrokerConnections;
  readonly #backlogs = new Map<string, VisibleBacklog>();

  constructor(connections: BrokerConnections) {
    this.#connections = connections;
  }

  read(topic: string, group: string): Promise<PartitionProgress[]> {
    return withPatience(`progress of ${group} in ${topic}`, () => this.#read(topic, group));
  }

  async #read(topic: string, group: string): Promise<PartitionProgress[]> {
    const leaders = await leadersOf(this.#connections, topic);
    // In this order, so that a group at work never looks as if it were ahead of the end.
    const committed = await this.#committed(topic, group, leaders);
    // Before the end that consumers see: what is appended in between must not look held back.
    const [oldest, written] = await Promise.all([
      offsetsOf(this.#connections, topic, leaders, OLDEST),
      offsetsOf(this.#connections, topic, leaders, END, 'uncommitted'),
    ]);
    const end = await offsetsOf(this.#connections, topic, leaders, END);
    return Promise.all(
      [...leaders.keys()].map(async (partition) => {
        const offsets = {
          oldestOffset: oldest.get(partition) ?? 0,
          endOffset: end.get(partition) ?? 0,
          committedOffset: committed.get(partition) ?? -1,
        };
        const { records, since } = await this.#backlog(
          topic,
          group,
          partition,
          backlogStart(offsets),
          offsets.endOffset,
        );
        const heldBack = Math.max(0, (written.get(partition) ?? 0) - offsets.endOffset);
        return { partition, ...offsets, heldBack, backlog: records, backlogSince: since };
      }),
    );
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

  async #backlog(topic: string, group: string, partition: number, start: number, end: number) {
    if (start >= end) return { records: 0, since: null };
    const key = `${topic} ${partition} ${group}`;
    const backlog = this.#backlogs.get(key) ?? new VisibleBacklog();
    if (this.#backlogs.size >= MAX_KNOWN) this.#backlogs.clear();
    this.#backlogs.set(key, backlog);
    backlog.begin(start, end, performance.now());
    for (let at = backlog.next(); at !== undefined; at = backlog.next()) {
      backlog.learn(at, await this.#find(topic, partition, at, end));
    }
    return { records: backlog.records, since: backlog.since };
  }

  async #find(topic: string, partition: number, from: number, end: number): Promise<Found> {
    // What a broker passes over is no record to it; whoever consumes is told (`withLostBeginning`).
    const place = {
      connections: this.#connections,
      channel: CHANNEL,
      topic,
      partition,
      isNeverCompacted: false,
    };
    const fetched = await fetchPartition(place, from, end, FETCH_BYTES);
    return {
      records: visibleRecords(topic, from, fetched),
      after: offsetAfter(fetched, from),
      upTo: fetched.messages.at(-1)?.timestamp ?? 0,
    };
  }
}
