import type { Admin, ITopicConfig, Kafka } from 'kafkajs';
import type { TopicSettings } from '#event-log/event-log.ts';
import type { KafkaEventLogOptions } from '#event-log/kafka/options.ts';
import type { KafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import type { BrokerConnections } from '#event-log/kafka/wire/broker-connections.ts';
import {
  codeOf,
  describeKafkaError,
  kafkaErrorCode,
  kindOfError,
  localCodeOf,
  localKindOf,
  withCauses,
} from '#event-log/kafka/wire/error-codes.ts';
import { describeError, hasCode, PipelineError } from '#runtime/errors.ts';
import { refusal, withPatience } from './patience.ts';
import { judge, lookAtTopic } from './topic-look.ts';
import { UNKNOWN_TOPIC } from './topic-queries.ts';
import { type TopicConfig, wantedConfig } from './topic-settings.ts';

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
    if (missing.size > 0) await admin.connect();
    const problems: string[] = [];
    for (const topic of topics) {
      const wanted = wantedConfig(topic, replicationFactor);
      const creation = { topic: topic.name, numPartitions: options.topicPartitions, replicationFactor };
      const created = missing.has(topic.name) && (await createTopic(admin, creation, wanted));
      // The broker that is asked may not have heard of the topic yet, ours or another process's.
      const look = await withPatience(`topic ${topic.name}`, async () => {
        const seen = await lookAtTopic(connections, topic.name);
        if (seen === undefined) throw refusal(`topic ${topic.name}`, UNKNOWN_TOPIC);
        return seen;
      });
      problems.push(...judge(topic, look, options.replicationFactor));
      const { partitions, replicas, config } = look;
      if (created) telemetry.topicCreated(topic.name, { ...wanted, partitions, replicas });
      const inSync = Number(config['min.insync.replicas']);
      if (inSync < 2 && brokers.length > 1) {
        telemetry.onOneDisk(topic.name, replicas, inSync, brokers.length);
      }
      if (partitions !== options.topicPartitions) {
        telemetry.partitionCountDiffers(topic.name, partitions, options.topicPartitions);
      }
    }
    if (problems.length > 0) throw new PipelineError('configuration', problems.join('; '));
  } catch (error) {
    throw asPipelineError(error);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** @returns false when another process was faster */
function createTopic(admin: Admin, creation: ITopicConfig, config: TopicConfig): Promise<boolean> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  // kafkajs' own waiting takes "not heard of yet" for a failure.
  return admin.createTopics({ waitForLeaders: false, topics: [{ ...creation, configEntries }] });
}

function asPipelineError(error: unknown): PipelineError {
  if (hasCode(error, 'configuration') || hasCode(error, 'closed')) return error;
  if (kindOfError(error) === 'configuration' || hasFatalCode(error)) {
    return new PipelineError('configuration', describeRefusal(error), { cause: error });
  }
  if (error instanceof PipelineError) return error;
  return new PipelineError('event-log-unavailable', `topics cannot be verified: ${describeError(error)}`, {
    retryable: true,
    cause: error,
  });
}

/** The cluster does not speak the protocol that we do: for the operator as long as the process only starts. */
function hasFatalCode(error: unknown): boolean {
  const codes = Array.from(withCauses(error), codeOf);
  return codes.some((code) => code !== undefined && kafkaErrorCode(code).kind === 'fatal');
}

/** For people: what Kafka, or its certificate, is refused for. */
function describeRefusal(error: unknown): string {
  for (const each of withCauses(error)) {
    if (each.name === 'KafkaJSSASLAuthenticationError') {
      return `Kafka refuses the SASL credentials: ${each.message}`;
    }
    if (localCodeOf(each) === 'ERR_TLS_CERT_ALTNAME_INVALID')
      return `Kafka's certificate is for another host: ${each.message}`;
    if (localKindOf(each) === 'configuration') {
      return `Kafka's certificate is not trusted: ${each.message} (KAFKA_SSL_CA_FILE names the authority of a private cluster)`;
    }
  }
  return describeKafkaError(error);
}
