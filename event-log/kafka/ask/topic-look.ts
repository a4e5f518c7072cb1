import type { TopicSettings } from '#event-log/event-log.ts';
import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import { refusal, withPatience } from './patience.ts';
import { describeTopic, UNKNOWN_TOPIC } from './topic-queries.ts';
import { contradictions, type TopicConfig, wantedConfig } from './topic-settings.ts';

/** A topic as the cluster has it. */
export interface TopicLook {
  readonly partitions: number;
  /** Of the partition that has the fewest. */
  readonly replicas: number;
  readonly config: TopicConfig;
}

const LEADER_NOT_AVAILABLE = 5;

/**
 * @returns undefined: there is no such topic
 * @throws PipelineError `event-log-unavailable`, `configuration`; errors of the connection
 */
export async function lookAtTopic(
  connections: BrokerConnections,
  name: string,
): Promise<TopicLook | undefined> {
  const { topicMetadata } = await connections.metadata([name]);
  const found = topicMetadata.find(({ topic }) => topic === name);
  if (found === undefined || found.topicErrorCode === UNKNOWN_TOPIC) return undefined;
  if (found.topicErrorCode !== 0) throw refusal(`topic ${name}`, found.topicErrorCode);
  const partitions = found.partitionMetadata;
  // Who leads a partition has heard of the topic.
  const leader = partitions.find((partition) => partition.leader >= 0)?.leader;
  if (leader === undefined) throw refusal(`topic ${name}`, LEADER_NOT_AVAILABLE);
  return {
    partitions: partitions.length,
    replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
    config: await describeTopic(connections, leader, name),
  };
}

/**
 * By topic, how it contradicts a promise as it is now. Creates and changes nothing.
 *
 * @param asked replicas that the operator asked for; undefined = left to the cluster
 * @throws PipelineError `configuration`: it may not be asked; `event-log-unavailable`
 */
export async function topicContradictions(
  topics: readonly TopicSettings[],
  asked: number | undefined,
  connections: BrokerConnections,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const judged = topics.map(async (topic) => {
    const look = await withPatience(`topic ${topic.name}`, () => lookAtTopic(connections, topic.name));
    return [
      topic.name,
      look === undefined ? [`topic ${topic.name}: does not exist`] : judge(topic, look, asked),
    ] as const;
  });
  return new Map(await Promise.all(judged));
}

/** How an existing topic contradicts a promise ({@link contradictions}). */
export function judge(
  topic: TopicSettings,
  { replicas, config }: TopicLook,
  asked: number | undefined,
): string[] {
  return contradictions(topic, wantedConfig(topic, replicas), config, replicas, asked);
}
