import type { TopicSettings } from '#event-log/event-log.ts';

/** What Kafka shall keep for a topic, as its own configuration names it. */
export type TopicConfig = Readonly<Record<string, string>>;

/** Enough of the configuration to create the topic as the promises need it. */
export function wantedConfig(topic: TopicSettings, minInSyncReplicas: number): TopicConfig {
  return {
    // Lag in seconds and retention go by the time of arrival: with the producer's own times, late data would be
    // deleted early, and a device with a wrong clock would decide how late the pipeline looks (DESIGN part 4).
    'message.timestamp.type': 'LogAppendTime',
    // P1: with acks=all a record is on at least this many brokers before it is acknowledged.
    'min.insync.replicas': String(minInSyncReplicas),
    'cleanup.policy': topic.cleanup,
    ...(topic.cleanup === 'delete' ? { 'retention.ms': String(topic.retentionMs) } : {}),
  };
}

/**
 * How an existing topic contradicts a promise; empty when it does not. What is merely different is left to the operator:
 * longer retention, more replicas in sync than asked for, another replication factor as long as `min.insync.replicas`
 * fits, and the partition count (the existing one is used: changing it would break the order per device, P4, for
 * everything that is already in the log).
 */
export function contradictions(
  topic: TopicSettings,
  wanted: TopicConfig,
  actual: TopicConfig,
  replicas: number,
): string[] {
  const problems: string[] = [];
  const differs = (name: string, why: string) =>
    problems.push(`topic ${topic.name}: ${name} is ${actual[name]}, expected ${wanted[name]} (${why})`);

  if (actual['message.timestamp.type'] !== wanted['message.timestamp.type']) {
    differs('message.timestamp.type', 'lag in seconds and retention go by the time of arrival');
  }
  // A lower value acknowledges records that the loss of one disk takes away.
  if (Number(actual['min.insync.replicas']) < Number(wanted['min.insync.replicas'])) {
    differs('min.insync.replicas', 'an acknowledged record must be on that many brokers');
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

/** Seconds that a topic keeps its records; Infinity without limit. */
export function retentionSeconds(topic: TopicSettings, actual: TopicConfig): number {
  const retentionMs = Number(actual['retention.ms'] ?? topic.retentionMs);
  return retentionMs < 0 ? Infinity : retentionMs / 1000;
}
