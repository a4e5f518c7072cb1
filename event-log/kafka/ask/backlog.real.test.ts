import { randomBytes } from 'node:crypto';
import { type Admin, ConfigResourceTypes } from 'kafkajs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { EventLog } from '#event-log/event-log.ts';
import { openKafkaEventLog } from '#event-log/kafka/kafka-event-log.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { createKafkaClient } from '#services/kafka-client.ts';
import { missingReason, required } from '#services/provide.ts';

const provided = inject('kafka');
const GROUP = 'writer';

/** Aim: no alert for what no consumer can work off. Method: a real broker is made to hold offsets without records. */
describe.skipIf(missingReason(provided))('[P7] the backlog on Kafka is what could still be read', () => {
  let log: EventLog;
  let admin: Admin;
  const kafka = () => createKafkaClient(required(provided).brokers);

  beforeAll(async () => {
    const { brokers } = required(provided);
    log = await openKafkaEventLog(
      { brokers, ssl: false, clientId: 'backlog', topicPartitions: 1 },
      { log: pino({ level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random },
    );
    admin = kafka().admin();
    await admin.connect();
  });
  afterAll(() => Promise.all([admin.disconnect(), log.close()]));

  const createTopic = async (cleanup: 'delete' | 'compact' = 'delete') => {
    const name = `backlog-${randomBytes(6).toString('hex')}`;
    await log.ensureTopics([{ name, cleanup, retentionMs: 3_600_000 }]);
    return name;
  };
  const append = (topic: string, ...values: string[]) =>
    Promise.all(
      values.map((value) =>
        log.append({ topic, key: 'k', value: Buffer.from(value), headers: {} }, performance.now() + 60_000),
      ),
    );
  const progress = async (topic: string) => (await log.progress(topic, GROUP))[0];
  const consume = (topic: string, seen: string[]) =>
    log.subscribe({
      topic,
      group: GROUP,
      maxBatchRecords: 1_000,
      maxBatchBytes: 1_000_000,
      onBatch: async ({ records }) => void seen.push(...records.map(({ value }) => String(value))),
    });

  const transact = async (
    topic: string,
    transactions: readonly (readonly [end: 'commit' | 'abort', string[]])[],
  ) => {
    const producer = kafka().producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    for (const [end, values] of transactions) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: values.map((value) => ({ key: 'k', value })) });
      await transaction[end]();
    }
    await producer.disconnect();
  };

  test('transactions: neither what was aborted nor the control records, before and after everything was read', async () => {
    const topic = await createTopic();
    await transact(topic, [
      ['abort', ['x', 'x']],
      ['commit', ['a', 'b']],
      ['abort', ['x', 'x', 'x']],
      ['commit', ['c']],
      ['abort', ['x']],
    ]);
    const [first] = await Array.fromAsync(log.read(topic));
    expect(await progress(topic)).toMatchObject({
      committedOffset: -1,
      endOffset: 14,
      backlog: 3,
      backlogSince: first?.timestamp,
    });
    const seen: string[] = [];
    {
      await using _ = await consume(topic, seen);
      await eventually(async () => expect(await progress(topic)).toMatchObject({ committedOffset: 14 }));
    }
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(await progress(topic)).toMatchObject({ backlog: 0, backlogSince: null });

    await transact(topic, [['abort', ['x', 'x']]]);
    expect(await progress(topic)).toMatchObject({
      committedOffset: 14,
      endOffset: 17,
      backlog: 0,
      backlogSince: null,
    });
    await append(topic, 'd');
    expect(await progress(topic)).toMatchObject({ backlog: 1 });
  });

  test('a consumer gets past what nobody may see, and says so to the group', async () => {
    const topic = await createTopic();
    const seen: string[] = [];
    await using _ = await consume(topic, seen);
    await transact(topic, [['abort', ['x']]]);
    await eventually(async () =>
      expect(await progress(topic)).toMatchObject({ committedOffset: 2, endOffset: 2 }),
    );
    expect(seen).toEqual([]);
  });

  test('records that an operator deleted', async () => {
    const topic = await createTopic();
    await append(topic, 'a', 'b', 'c', 'd');
    await admin.fetchTopicOffsets(topic); // only then does kafkajs know the topic's leaders
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] });
    expect(await progress(topic)).toMatchObject({ oldestOffset: 3, backlog: 1 });
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] });
    expect(await progress(topic)).toMatchObject({ oldestOffset: 4, backlog: 0, backlogSince: null });
  });

  test('records that compaction removed', async () => {
    const topic = await createTopic('compact');
    const entries = {
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.001',
      'max.compaction.lag.ms': '100',
    };
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: Object.entries({ ...entries, 'cleanup.policy': 'compact' }).map(([name, value]) => ({
            name,
            value,
          })),
        },
      ],
    });
    await append(topic, ...Array.from({ length: 50 }, (_, i) => String(i)));
    // The newest segment is not compacted: another record, some time later, begins a new one.
    const left = () => Array.fromAsync(log.read(topic));
    await eventually(
      async () => {
        await append(topic, 'last');
        expect((await left()).length).toBeLessThan(40);
      },
      { withinMs: 90_000 },
    );
    // Not asked before, so nothing is remembered.
    await eventually(async () => {
      const before = await left();
      expect(await progress(topic)).toMatchObject({
        oldestOffset: 0,
        backlog: before.length,
        backlogSince: before[0]?.timestamp,
      });
    });
  });
});
