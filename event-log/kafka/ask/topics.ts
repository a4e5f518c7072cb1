import kafkajs, { type Admin, type ITopicConfig, type Kafka } from 'kafkajs';
import type { TopicSettings } from '#event-log/event-log.ts';
import type { KafkaEventLogOptions } from '#event-log/kafka/options.ts';
import type { KafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import { describeError, hasCode, PipelineError } from '#runtime/errors.ts';
import { withPatience } from './patience.ts';
import { contradictions, retentionSeconds, type TopicConfig, wantedConfig } from './topic-settings.ts';

export interface TopicsDeps {
  readonly kafka: Kafka;
  readonly connections: BrokerConnections;
  readonly telemetry: KafkaTelemetry;
}

/**
 * Creates the topics that are missing, and compares the others with what the promises need. Where they all exist, the
 * right to describe them is enough.
 *
 * @throws PipelineError `configuration` naming every contradiction; `event-log-unavailable`
 */
export async function ensureTopics(
  topics: readonly TopicSettings[],
  options: Pick<KafkaEventLogOptions, 'topicPartitions' | 'replicationFactor'>,
  { kafka, connections, telemetry }: TopicsDeps,
): Promise<void> {
  const admin = kafka.admin();
  try {
    const { brokers, topicMetadata } = await connections.metadata(topics.map(({ name }) => name));
    const replicationFactor = options.replicationFactor ?? Math.min(3, brokers.length);
    const missing = new Set(
      topicMetadata
        .filter(({ topicErrorCode }) => topicErrorCode === UNKNOWN_TOPIC)
        .map(({ topic }) => topic),
    );
    await admin.connect();
    const problems: string[] = [];
    for (const topic of topics) {
      const wanted = wantedConfig(topic, replicationFactor);
      const creation = { topic: topic.name, numPartitions: options.topicPartitions, replicationFactor };
      const created = missing.has(topic.name) && (await createTopic(admin, creation, wanted));
      // The broker that is asked may not have heard of the topic yet, ours or another process's.
      const { partitions, replicas, actual } = await withPatience(`topic ${topic.name}`, async () => ({
        ...(await countPartitions(connections, topic.name)),
        actual: await describeTopic(admin, topic.name),
      }));
      problems.push(...contradictions(topic, wanted, actual, replicas, options.replicationFactor));
      if (created) telemetry.topicCreated(topic.name, { ...wanted, partitions, replicas });
      const inSync = Number(actual['min.insync.replicas']);
      if (inSync < 2 && brokers.length > 1) {
        telemetry.onOneDisk(topic.name, replicas, inSync, brokers.length);
      }
      if (partitions !== options.topicPartitions) {
        telemetry.partitionCountDiffers(topic.name, partitions, options.topicPartitions);
      }
      if (topic.cleanup === 'delete') telemetry.retentionKnown(topic.name, retentionSeconds(topic, actual));
    }
    if (problems.length > 0) throw new PipelineError('configuration', problems.join('; '));
  } catch (error) {
    throw asPipelineError(error);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

const UNKNOWN_TOPIC = 3;

/** @returns false when another process was faster */
function createTopic(admin: Admin, creation: ITopicConfig, config: TopicConfig): Promise<boolean> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  // kafkajs' own waiting takes "not heard of yet" for a failure.
  return admin.createTopics({ waitForLeaders: false, topics: [{ ...creation, configEntries }] });
}

async function countPartitions(connections: BrokerConnections, topic: string) {
  const { topicMetadata } = await connections.metadata([topic]);
  const { topicErrorCode, partitionMetadata } = topicMetadata.find((each) => each.topic === topic) ?? {
    topicErrorCode: UNKNOWN_TOPIC,
    partitionMetadata: [],
  };
  if (topicErrorCode !== 0) throw new Error(`error code ${topicErrorCode}`);
  const replicas = Math.min(...partitionMetadata.map((partition) => partition.replicas.length));
  return { partitions: partitionMetadata.length, replicas };
}

async function describeTopic(admin: Admin, topic: string): Promise<TopicConfig> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
  });
  const entries = resources[0]?.configEntries ?? [];
  return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
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
  'UNSUPPORTED_SASL_MECHANISM',
]);

/** Node's codes for a certificate that nobody it trusts has signed. (An expired one may be renewed any time.) */
const UNTRUSTED: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
const FOR_ANOTHER_HOST = 'ERR_TLS_CERT_ALTNAME_INVALID';

function asPipelineError(error: unknown): PipelineError {
  if (hasCode(error, 'configuration') || hasCode(error, 'closed')) return error;
  for (const each of withCauses(error)) {
    if ('type' in each && typeof each.type === 'string' && OPERATOR_MUST_ACT.has(each.type)) {
      const topic = 'topic' in each ? `topic ${each.topic}: ` : '';
      return new PipelineError('configuration', `${topic}${each.type}: ${each.message}`, { cause: error });
    }
    if (each.name === 'KafkaJSSASLAuthenticationError') {
      return new PipelineError('configuration', `Kafka refuses the SASL credentials: ${each.message}`);
    }
    const code = 'code' in each ? each.code : undefined;
    if (UNTRUSTED.has(code)) {
      return new PipelineError(
        'configuration',
        `Kafka's certificate is not trusted: ${each.message} (KAFKA_SSL_CA_FILE names the authority of a private cluster)`,
      );
    }
    if (code === FOR_ANOTHER_HOST) {
      return new PipelineError('configuration', `Kafka's certificate is for another host: ${each.message}`);
    }
  }
  if (error instanceof PipelineError) return error;
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
