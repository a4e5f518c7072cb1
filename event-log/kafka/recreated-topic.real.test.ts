import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject, test } from 'vitest';
import type { EventLog } from '#event-log/event-log.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { createKafkaClient } from '#services/kafka-client.ts';
import { missingReason, required } from '#services/provide.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

const provided = inject('kafka');
const PATIENCE = { withinMs: 90_000 };
const AT_ONCE_MS = 30_000;

/**
 * Aim: a topic that somebody deletes and makes anew under running processes costs what was in it, and nothing more: appends
 * go on, and what comes then is delivered from its first record on, as long as the new one is shorter than the consumer's position.
 */
describe.skipIf(missingReason(provided))('a topic that is deleted and made anew', () => {
  test.each([['fewer partitions, and fewer records than before', 3, 1, 200, 50]] as const)(
    '[P1] [P2] %s',
    async (_, partitionsBefore, partitionsAfter, before, after) => {
      const { brokers } = required(provided);
      await using log = await openKafkaEventLog(
        { brokers, ssl: false, clientId: 'anew', topicPartitions: partitionsBefore },
        { log: pino({ level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random },
      );
      const topic = `anew-${randomBytes(6).toString('hex')}`;
      await log.ensureTopics([{ name: topic, cleanup: 'delete', retentionMs: 3_600_000 }]);
      await appendAll(log, topic, 'old', before);
      const delivered: string[] = [];
      await using subscription = await log.subscribe({
        topic,
        group: topic,
        maxBatchRecords: 100,
        maxBatchBytes: 1_000_000,
        onBatch: async ({ records }) => void delivered.push(...records.map(({ value }) => String(value))),
      });
      await eventually(() => expect(new Set(delivered).size).toBe(before), PATIENCE);
      await eventually(async () => {
        const backlogs = (await log.progress(topic, topic)).map(({ backlog }) => backlog);
        expect(backlogs.every((backlog) => backlog === 0)).toBe(true);
      });

      const admin = createKafkaClient(brokers).admin();
      await admin.connect();
      try {
        await admin.deleteTopics({ topics: [topic] });
        await eventually(() => admin.createTopics({ topics: [{ topic, numPartitions: partitionsAfter }] }));
      } finally {
        await admin.disconnect();
      }
      await appendAll(log, topic, 'new', after);
      await eventually(() => {
        const fresh = new Set(delivered.filter((value) => value.startsWith('new')));
        expect(fresh.size, `first of ${[...fresh][0]}`).toBe(after);
      }, PATIENCE);
      expect(log.health()).toMatchObject({ up: true });
      expect(subscription.trouble()).toBeUndefined();
    },
    240_000,
  );
});

/** Again and again, as devices do, until each is durable. */
async function appendAll(log: EventLog, topic: string, name: string, count: number): Promise<void> {
  const append = async (at: number): Promise<void> => {
    const record = { topic, key: `k-${at % 10}`, value: Buffer.from(`${name}-${at}`), headers: {} };
    await eventually(() => log.append(record, performance.now() + AT_ONCE_MS), PATIENCE);
  };
  await Promise.all(Array.from({ length: count }, (_, at) => append(at)));
}
