import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import type { TopicSettings } from '#event-log/event-log.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import type { KafkaEventLogOptions } from './options.ts';
import type { KafkaTelemetry } from './telemetry.ts';
import { contradictions, type TopicConfig, wantedConfig } from './topic-settings.ts';

/**
 * Creates the topics that are missing, and compares the others with what the promises need.
 *
 * @throws PipelineError `configuration` naming every contradiction; `event-log-unavailable`
 */
export async function ensureTopics(
  kafka: Kafka,
  topics: readonly TopicSettings[],
  options: KafkaEventLogOptions,
  telemetry: KafkaTelemetry,
): Promise<void> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    const replicationFactor = options.replicationFactor ?? Math.min(3, brokers.length);
    const minInSyncReplicas = Math.max(1, replicationFactor - 1);
    const problems: string[] = [];
    for (const topic of topics) {
      const wanted = wantedConfig(topic, minInSyncReplicas);
      const created = await createTopic(admin, topic, wanted, replicationFactor, options.topicPartitions);
      if (created)
        telemetry.topicCreated(topic.name, {
          ...wanted,
          partitions: options.topicPartitions,
          replicationFactor,
        });
      else problems.push(...(await compare(admin, topic, wanted, options.topicPartitions, telemetry)));
      if (topic.cleanup === 'delete') telemetry.retentionKnown(topic.name, topic.retentionMs / 1000);
    }
    if (problems.length > 0) throw new PipelineError('configuration', problems.join('; '));
  } catch (error) {
    if (error instanceof PipelineError) throw error;
    throw asPipelineError(error);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

async function createTopic(
  admin: Admin,
  topic: TopicSettings,
  config: TopicConfig,
  replicationFactor: number,
  numPartitions: number,
): Promise<boolean> {
  return admin.createTopics({
    topics: [
      {
        topic: topic.name,
        numPartitions,
        replicationFactor,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      },
    ],
  });
}

async function compare(
  admin: Admin,
  topic: TopicSettings,
  wanted: TopicConfig,
  wantedPartitions: number,
  telemetry: KafkaTelemetry,
): Promise<string[]> {
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic.name }],
  });
  const entries = described.resources[0]?.configEntries ?? [];
  const actual = Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
  const metadata = await admin.fetchTopicMetadata({ topics: [topic.name] });
  const partitions = metadata.topics[0]?.partitions.length ?? 0;
  if (partitions !== wantedPartitions) {
    telemetry.partitionCountDiffers(topic.name, partitions, wantedPartitions);
  }
  return contradictions(topic, wanted, actual);
}

/** Kafka's refusals that waiting does not cure. */
const OPERATOR_MUST_ACT: ReadonlySet<string> = new Set([
  'INVALID_REPLICATION_FACTOR',
  'INVALID_PARTITIONS',
  'INVALID_CONFIG',
  'INVALID_TOPIC_EXCEPTION',
  'POLICY_VIOLATION',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
]);

function asPipelineError(error: unknown): PipelineError {
  for (const each of withCauses(error)) {
    if ('type' in each && typeof each.type === 'string' && OPERATOR_MUST_ACT.has(each.type)) {
      const topic = 'topic' in each ? `topic ${each.topic}: ` : '';
      return new PipelineError('configuration', `${topic}${each.type}: ${each.message}`, { cause: error });
    }
    if (each.name === 'KafkaJSSASLAuthenticationError') {
      return new PipelineError('configuration', `Kafka refuses the SASL credentials: ${each.message}`);
    }
  }
  return new PipelineError('event-log-unavailable', `topics cannot be verified: ${describeError(error)}`, {
    retryable: true,
    cause: error,
  });
}

/** An error, what caused it, and the errors it stands for (`KafkaJSAggregateError`). */
function* withCauses(error: unknown): Generator<Error> {
  if (!(error instanceof Error)) return;
  yield error;
  if ('errors' in error && Array.isArray(error.errors))
    for (const each of error.errors) yield* withCauses(each);
  yield* withCauses(error.cause);
}
