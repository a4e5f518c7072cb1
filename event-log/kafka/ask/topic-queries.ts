import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import {
  type Isolation,
  type ListedPartition,
  sendListOffsets,
} from '#event-log/kafka/wire/broker-requests.ts';
import { ANSWER_MS } from '#event-log/kafka/wire/client.ts';
import { PipelineError } from '#runtime/errors.ts';
import { refusal } from './patience.ts';

/** Leading broker by partition. */
export type Leaders = ReadonlyMap<number, number>;

/** Error code of a topic that is not there, or that the broker has not heard of yet. */
export const UNKNOWN_TOPIC = 3;
const TOPIC_RESOURCE = 2;

/** Asks for the offset of the oldest record. */
export const OLDEST = -2;
/** Asks for the offset that the next record gets. */
export const END = -1;

/**
 * @throws PipelineError `event-log-unavailable` when the topic does not exist or one of its partitions has no leader;
 *   `configuration` when it may not be seen
 */
export async function leadersOf(connections: BrokerConnections, topic: string): Promise<Leaders> {
  const { topicMetadata } = await connections.metadata([topic]);
  const found = topicMetadata.find((each) => each.topic === topic);
  if (found === undefined || found.topicErrorCode !== 0 || found.partitionMetadata.length === 0) {
    throw refusal(`topic ${topic} is not there`, found?.topicErrorCode || UNKNOWN_TOPIC);
  }
  const leaders = new Map<number, number>();
  for (const { partitionId, leader } of found.partitionMetadata) {
    if (leader < 0) throw unavailable(`partition ${partitionId} of ${topic} has no leader`);
    leaders.set(partitionId, leader);
  }
  return new Map([...leaders].sort(([a], [b]) => a - b));
}

/**
 * Settings of a topic, as Kafka names them.
 *
 * @param names of those that are asked for; none = all
 */
export async function describeTopic(
  connections: BrokerConnections,
  broker: number,
  topic: string,
  names: string[] = [],
): Promise<Readonly<Record<string, string>>> {
  const resources = [{ type: TOPIC_RESOURCE, name: topic, configNames: names }];
  const answer = await connections.ask(broker, 'query', (c) => c.describeConfigs({ resources }));
  const entries = answer.resources.flatMap(({ configEntries }) => configEntries);
  return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
}

/**
 * One question about offsets for many partitions: one request per leading broker, all at the same time.
 *
 * @param questions by partition: a timestamp, {@link OLDEST} or {@link END}
 */
export async function listOffsets(
  connections: BrokerConnections,
  topic: string,
  leaders: Leaders,
  questions: ReadonlyMap<number, number>,
  isolation: Isolation = 'committed',
): Promise<Map<number, ListedPartition>> {
  const byLeader = Map.groupBy(questions, ([partition]) => leaders.get(partition));
  const answers = await Promise.all(
    Array.from(byLeader, ([leader, asked]) => {
      if (leader === undefined) throw unavailable(`topic ${topic} has other partitions now`);
      const partitions = asked.map(([partition, timestamp]) => ({ partition, timestamp }));
      return connections.ask(leader, 'query', (c) =>
        sendListOffsets(c, topic, partitions, isolation, ANSWER_MS),
      );
    }),
  );
  const byPartition = new Map<number, ListedPartition>();
  for (const answer of answers.flat()) {
    if (answer.errorCode !== 0) {
      throw refusal(`partition ${answer.partition} of ${topic}`, answer.errorCode);
    }
    byPartition.set(answer.partition, answer);
  }
  return byPartition;
}

/** {@link listOffsets} with the same question for every partition. */
export async function offsetsOf(
  connections: BrokerConnections,
  topic: string,
  leaders: Leaders,
  question: typeof OLDEST | typeof END,
  isolation?: Isolation,
): Promise<Map<number, number>> {
  const questions = new Map([...leaders.keys()].map((partition) => [partition, question]));
  const answers = await listOffsets(connections, topic, leaders, questions, isolation);
  return new Map(Array.from(answers, ([partition, { offset }]) => [partition, Number(offset)]));
}

/** By partition, of the first record that is not older than `timeMs`; the end, where there is none. */
export async function offsetsSince(
  connections: BrokerConnections,
  topic: string,
  timeMs: number,
): Promise<Map<number, number>> {
  const leaders = await leadersOf(connections, topic);
  const end = await offsetsOf(connections, topic, leaders, END);
  // Negative numbers ask for something else.
  const since = Math.max(0, Math.ceil(timeMs));
  const questions = new Map([...leaders.keys()].map((partition) => [partition, since]));
  const found = await listOffsets(connections, topic, leaders, questions);
  return new Map(
    Array.from(found, ([partition, { offset }]) => [
      partition,
      Number(offset) < 0 ? (end.get(partition) ?? 0) : Number(offset),
    ]),
  );
}

function unavailable(message: string): PipelineError {
  return new PipelineError('event-log-unavailable', message, { retryable: true });
}
