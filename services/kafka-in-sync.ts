import { setTimeout as sleep } from 'node:timers/promises';
import { createKafkaClient } from './kafka-client.ts';

/**
 * Resolves when every replica of every partition is in sync. A broker that serves again after a restart is not yet one
 * that may be relied upon: a drill that takes the next one down before this tests two failures at once.
 */
export async function waitUntilInSync(brokers: readonly string[], timeoutMs = 60_000): Promise<void> {
  const admin = createKafkaClient(brokers).admin();
  const deadline = performance.now() + timeoutMs;
  await admin.connect();
  try {
    for (;;) {
      const { topics } = await admin.fetchTopicMetadata();
      const behind = topics.flatMap(({ name, partitions }) =>
        partitions
          .filter(({ isr, replicas }) => isr.length < replicas.length)
          .map(({ partitionId }) => `${name}/${partitionId}`),
      );
      if (behind.length === 0) return;
      if (performance.now() > deadline) throw new Error(`not in sync: ${behind.join(', ')}`);
      await sleep(200);
    }
  } finally {
    await admin.disconnect();
  }
}
