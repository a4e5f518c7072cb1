import type kafkajs from 'kafkajs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { eventually } from '#runtime/testing/eventually.ts';
import { type Kafka, startKafka } from '#services/kafka.ts';
import { createKafkaClient } from '#services/kafka-client.ts';
import { missingReason } from '#services/provide.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

/**
 * Aim: what an acknowledgement is worth does not depend on how many addresses were typed. Method: three real brokers,
 * and a client that was told of one.
 */
describe.skipIf(missingReason(inject('kafka')))('a cluster of three, of which one address is known', () => {
  const lines: Record<string, unknown>[] = [];
  let kafka: Kafka;
  let admin: kafkajs.Admin;

  beforeAll(async () => {
    kafka = await startKafka({ brokers: 3 });
    admin = createKafkaClient(kafka.brokers).admin();
    await admin.connect();
  });
  afterAll(async () => {
    await admin.disconnect();
    await kafka.close();
  });

  const ensure = async (name: string) => {
    await using log = await openKafkaEventLog(
      { brokers: kafka.brokers.slice(0, 1), ssl: false, clientId: 'replication', topicPartitions: 2 },
      {
        log: pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) }),
        metrics: new Registry(),
        now: Date.now,
        random: Math.random,
      },
    );
    await log.ensureTopics([{ name, cleanup: 'delete', retentionMs: 3_600_000 }]);
    const record = { topic: name, key: 'k', value: Buffer.from('1'), headers: {} };
    return log.append(record, performance.now() + 60_000);
  };
  const create = (topic: string, replicationFactor: number, minInSync: string) =>
    admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic,
          numPartitions: 2,
          replicationFactor,
          configEntries: [
            { name: 'min.insync.replicas', value: minInSync },
            { name: 'message.timestamp.type', value: 'LogAppendTime' },
          ],
        },
      ],
    });
  const told = (topic: string) =>
    lines.filter((line) => line['topic'] === topic && String(line['msg']).includes('one disk only'));

  test('[P1] a topic is made with three replicas, of which two confirm', async () => {
    expect(await ensure('made')).toMatchObject({ offset: 0 });
    const { topics } = await admin.fetchTopicMetadata({ topics: ['made'] });
    expect(topics[0]?.partitions.map(({ replicas }) => replicas.length)).toEqual([3, 3]);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: 'made', configNames: ['min.insync.replicas'] }],
    });
    expect(resources[0]?.configEntries).toMatchObject([{ configValue: '2' }]);
    expect(told('made')).toEqual([]);
  });

  test('[P1] a topic that is there with one replica is used, and told', async () => {
    await create('single', 1, '1');
    expect(await ensure('single')).toMatchObject({ offset: 0 });
    expect(told('single')).toMatchObject([{ replicas: 1, minInSyncReplicas: 1, brokers: 3 }]);
  });

  test('[P1] one with three replicas of which one confirms is refused, with both numbers', async () => {
    await create('hasty', 3, '1');
    await expect(ensure('hasty')).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/min\.insync\.replicas is 1 with 3 replicas, expected 2/),
    });
  });

  test('[P1] looked at while it is in use, a topic is judged as at a start, with the replicas that were asked for', async () => {
    await Promise.all([create('three', 3, '2'), create('altered', 3, '1'), create('few', 1, '1')]);
    const judgedBy = async (replicationFactor?: number) => {
      await using log = await openKafkaEventLog(
        {
          brokers: kafka.brokers.slice(0, 1),
          ssl: false,
          clientId: 'look',
          topicPartitions: 2,
          replicationFactor,
        },
        { log: pino({ level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random },
      );
      const topics = ['three', 'altered', 'few', 'absent'].map((name) => ({
        name,
        cleanup: 'delete' as const,
        retentionMs: 3_600_000,
      }));
      return Object.fromEntries(await log.topicContradictions(topics));
    };
    const altered = [
      expect.stringContaining('topic altered: min.insync.replicas is 1 with 3 replicas, expected 2'),
    ];
    const absent = ['topic absent: does not exist'];
    // The broker that is asked may hear of the new ones a moment later.
    await eventually(async () => expect(await judgedBy()).toEqual({ three: [], altered, few: [], absent }));
    const few = [expect.stringContaining('topic few: min.insync.replicas is 1 with 1 replicas, expected 2')];
    expect(await judgedBy(3)).toEqual({ three: [], altered, few, absent });
    expect(await admin.listTopics()).not.toContain('absent');
  });
});
