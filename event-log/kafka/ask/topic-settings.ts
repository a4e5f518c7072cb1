import type { TopicSettings } from '#event-log/event-log.ts';

/** What Kafka shall keep for a topic, as its own configuration names it. */
export type TopicConfig = Readonly<Record<string, string>>;

const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588;
/** What Kafka adds to a record that is sent alone: the header of its batch, and its frame in it. */
const FRAME_BYTES = 100;

function messageBytes({ maxRecordBytes = 0 }: TopicSettings): number {
  return maxRecordBytes === 0 ? 0 : maxRecordBytes + FRAME_BYTES;
}

/**
 * P1: how many of so many replicas must have a record before it is acknowledged, at least. With one or two it cannot be
 * more than one, or the loss of any broker would stop everything; with more there must be a second disk.
 */
function leastInSync(replicas: number): number {
  return replicas < 3 ? 1 : 2;
}

/** Enough of the configuration to create the topic as the promises need it. */
export function wantedConfig(topic: TopicSettings, replicationFactor: number): TopicConfig {
  return {
    // Lag in seconds and retention go by the time of arrival: with the producer's own times, late data would be
    // deleted early, and a device with a wrong clock would decide how late the pipeline looks.
    'message.timestamp.type': 'LogAppendTime',
    // With acks=all a record is on at least this many brokers before it is acknowledged (P1).
    'min.insync.replicas': String(Math.max(1, replicationFactor - 1)),
    'cleanup.policy': topic.cleanup,
    // Kafka's own default, said here because that of the broker may be another one.
    'max.message.bytes': String(Math.max(DEFAULT_MAX_MESSAGE_BYTES, messageBytes(topic))),
    ...(topic.cleanup === 'delete' ? { 'retention.ms': String(topic.retentionMs) } : {}),
  };
}

/**
 * How an existing topic contradicts a promise; empty when it does not. What is merely different is left to the operator:
 * longer retention, more replicas in sync than asked for, another replication factor as long as `min.insync.replicas`
 * fits, and the partition count (the existing one is used: changing it would break the order per device, P4, for
 * everything that is already in the log).
 *
 * @param replicas of the topic as it is
 * @param asked replicas that the operator asked for; undefined = left to the cluster
 */
export function contradictions(
  topic: TopicSettings,
  wanted: TopicConfig,
  actual: TopicConfig,
  replicas: number,
  asked: number | undefined,
): string[] {
  const problems: string[] = [];
  const differs = (name: string, why: string) =>
    problems.push(`topic ${topic.name}: ${name} is ${actual[name]}, expected ${wanted[name]} (${why})`);

  if (actual['message.timestamp.type'] !== wanted['message.timestamp.type']) {
    differs('message.timestamp.type', 'lag in seconds and retention go by the time of arrival');
  }
  // A lower value acknowledges records that the loss of one disk takes away.
  const least = leastInSync(Math.max(replicas, asked ?? 0));
  if (Number(actual['min.insync.replicas']) < least) {
    problems.push(
      `topic ${topic.name}: min.insync.replicas is ${actual['min.insync.replicas']} with ${replicas} replicas, ` +
        `expected ${least} (an acknowledged record must be on that many brokers)`,
    );
  }
  const largest = messageBytes(topic);
  if (Number(actual['max.message.bytes'] ?? Infinity) < largest) {
    problems.push(
      `topic ${topic.name}: max.message.bytes is ${actual['max.message.bytes']}, expected at least ${largest} ` +
        '(what a device may send would be refused for ever)',
    );
  }
  if (Number(actual['min.insync.replicas']) > replicas) {
    problems.push(
      `topic ${topic.name}: min.insync.replicas is ${actual['min.insync.replicas']}, expected at most ${replicas}, ` +
        'the number of its replicas (else nothing can be written)',
    );
  }
  // "compact,delete" is neither: it removes the last state of a key, or telemetry that nobody read yet.
  if (actual['cleanup.policy'] !== wanted['cleanup.policy']) {
    differs('cleanup.policy', 'another policy removes records that are still needed');
  }
  if (topic.cleanup === 'delete') {
    const retentionMs = Number(actual['retention.ms']);
    if (retentionMs >= 0 && retentionMs < topic.retentionMs) {
      differs('retention.ms', 'records would go before the configured time');
    }
    // -1 = without limit. A size limit can remove records long before their time, unseen by any alert.
    const retentionBytes = Number(actual['retention.bytes'] ?? -1);
    if (retentionBytes >= 0) {
      problems.push(
        `topic ${topic.name}: retention.bytes is ${retentionBytes}, expected -1 (retention goes by time alone)`,
      );
    }
  }
  return problems;
}
