import { randomBytes } from 'node:crypto';
import kafkajs from 'kafkajs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { EventLog } from '#event-log/event-log.ts';
import { openKafkaEventLog } from '#event-log/kafka/kafka-event-log.ts';
import type { KafkaEventLogOptions } from '#event-log/kafka/options.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { createKafkaClient } from '#services/kafka-client.ts';
import { missingReason, required } from '#services/provide.ts';

const provided = inject('kafka');
const HOUR_MS = 3_600_000;

describe.skipIf(missingReason(provided))('topics on Kafka', () => {
  const lines: Record<string, unknown>[] = [];
  const opened: EventLog[] = [];
  let admin: kafkajs.Admin;

  beforeAll(async () => {
    admin = createKafkaClient(required(provided).brokers).admin();
    await admin.connect();
  });
  afterAll(async () => {
    await Promise.all([admin.disconnect(), ...opened.map((log) => log.close())]);
  });

  const open = async (options: Partial<KafkaEventLogOptions> = {}, metrics = new Registry()) => {
    const log = await openKafkaEventLog(
      { brokers: required(provided).brokers, ssl: false, clientId: 'topics', topicPartitions: 5, ...options },
      {
        log: pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) }),
        metrics,
        now: Date.now,
        random: Math.random,
      },
    );
    opened.push(log);
    return log;
  };
  const unique = () => `topic-${randomBytes(6).toString('hex')}`;
  const create = async (config: Record<string, string>, numPartitions = 5) => {
    const topic = unique();
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, numPartitions, replicationFactor: 1, configEntries }],
    });
    return topic;
  };

  test('[P7] retention that somebody shortens while we run is what backlogs are measured by', async () => {
    const topic = unique();
    const metrics = new Registry();
    const log = await open({}, metrics);
    await log.ensureTopics([{ name: topic, cleanup: 'delete', retentionMs: 48 * HOUR_MS }]);
    const known = (seconds: number) => `event_log_retention_seconds{topic="${topic}"} ${seconds}`;
    await log.progress(topic, 'nobody');
    await eventually(async () => expect(await metrics.metrics()).toContain(known(48 * 3_600)));
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: [{ name: 'retention.ms', value: String(HOUR_MS) }],
        },
      ],
    });
    const another = new Registry();
    await (await open({}, another)).progress(topic, 'nobody');
    await eventually(async () => expect(await another.metrics()).toContain(known(3_600)));
    // The first one looks again within half a minute.
    await eventually(async () => expect(await metrics.metrics()).toContain(known(3_600)), {
      withinMs: 60_000,
    });
  });

  test('a missing topic is created with what the promises need', async () => {
    const [deleted, compacted] = [unique(), unique()];
    const log = await open();
    await log.ensureTopics([
      { name: deleted, cleanup: 'delete', retentionMs: 48 * HOUR_MS },
      { name: compacted, cleanup: 'compact', retentionMs: 0 },
    ]);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [deleted, compacted].map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
    });
    const [first, second] = resources.map(({ configEntries }) =>
      Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    );
    expect(first).toMatchObject({
      'message.timestamp.type': 'LogAppendTime',
      'min.insync.replicas': '1',
      'cleanup.policy': 'delete',
      'retention.ms': String(48 * HOUR_MS),
    });
    expect(second).toMatchObject({ 'message.timestamp.type': 'LogAppendTime', 'cleanup.policy': 'compact' });
    expect((await admin.fetchTopicOffsets(deleted)).length).toBe(5);
  });

  test('[P10] contradictions of all topics are named at once', async () => {
    const clock = await create({ 'message.timestamp.type': 'CreateTime' });
    const short = await create({ 'message.timestamp.type': 'LogAppendTime', 'retention.ms': '60000' });
    const log = await open();
    const settings = { cleanup: 'delete' as const, retentionMs: HOUR_MS };
    await expect(
      log.ensureTopics([
        { name: clock, ...settings },
        { name: short, ...settings },
      ]),
    ).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(
        new RegExp(
          `${clock}: message.timestamp.type is CreateTime.*${short}: retention.ms is 60000, expected 3600000`,
        ),
      ),
    });
  });

  test('[P10] a topic that takes less than a device may send', async () => {
    const name = await create({ 'message.timestamp.type': 'LogAppendTime', 'max.message.bytes': '2000' });
    const log = await open();
    const settings = { name, cleanup: 'delete' as const, retentionMs: HOUR_MS, maxRecordBytes: 65_536 };
    await expect(log.ensureTopics([settings])).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining(`topic ${name}: max.message.bytes is 2000, expected at least 65636`),
    });
  });

  test('[P4] another number of partitions is a warning, and the existing one is used', async () => {
    const topic = await create(
      { 'message.timestamp.type': 'LogAppendTime', 'retention.ms': String(HOUR_MS) },
      2,
    );
    const log = await open();
    await log.ensureTopics([{ name: topic, cleanup: 'delete', retentionMs: HOUR_MS }]);
    expect(lines).toContainEqual(expect.objectContaining({ topic, actual: 2, configured: 5 }));
    expect(await log.progress(topic, 'any')).toHaveLength(2);
  });

  test('[P10] more replicas than brokers is a configuration error', async () => {
    const log = await open({ replicationFactor: 3 });
    await expect(
      log.ensureTopics([{ name: unique(), cleanup: 'delete', retentionMs: HOUR_MS }]),
    ).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('INVALID_REPLICATION_FACTOR'),
    });
  });

  test('while Kafka is away: opening succeeds, health says so, and topics can be tried again later', async () => {
    const log = await open({ brokers: ['127.0.0.1:9'] });
    expect(log.health()).toMatchObject({ up: false });
    await expect(
      log.ensureTopics([{ name: unique(), cleanup: 'delete', retentionMs: HOUR_MS }]),
    ).rejects.toMatchObject({ code: 'event-log-unavailable', retryable: true });
  });
});
