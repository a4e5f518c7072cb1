import { randomBytes } from 'node:crypto';
import { type Admin, ConfigResourceTypes } from 'kafkajs';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { EventLog } from '#event-log/event-log.ts';
import { openKafkaEventLog } from '#event-log/kafka/kafka-event-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { createKafkaClient } from '#services/kafka-client.ts';
import { missingReason, required } from '#services/provide.ts';
import { startLagMonitor } from './lag-monitor.ts';
import { lookOnce, renderLagReport } from './lag-report.ts';
import { startTopicWatch } from './topic-watch.ts';

const provided = inject('kafka');
const GROUP = 'writer';
const INTERVAL_MS = 200;

/** Aim: what others do to our topics is seen while everything runs. Method: it is done to a real broker's. */
describe.skipIf(missingReason(provided))('[P7] the lag monitor on Kafka', () => {
  let log: EventLog;
  let admin: Admin;
  const kafka = () => createKafkaClient(required(provided).brokers);

  beforeAll(async () => {
    const { brokers } = required(provided);
    log = await openKafkaEventLog(
      { brokers, ssl: false, clientId: 'lag-monitor', topicPartitions: 1 },
      quiet(new Registry(), () => undefined),
    );
    admin = kafka().admin();
    await admin.connect();
  });
  afterAll(() => Promise.all([admin.disconnect(), log.close()]));

  const quiet = (metrics: Registry, onLine: (line: Record<string, unknown>) => void) => ({
    metrics,
    log: createLogger({ name: 'test', level: 'info' }, { write: (line) => onLine(JSON.parse(line)) }),
    now: Date.now,
    random: Math.random,
  });
  const settings = (name: string) => ({
    name,
    cleanup: 'delete' as const,
    retentionMs: 3_600_000,
    maxRecordBytes: 65_536,
  });
  const createTopic = async () => {
    const name = `monitored-${randomBytes(6).toString('hex')}`;
    await log.ensureTopics([settings(name)]);
    return name;
  };
  const append = (topic: string, ...values: string[]) =>
    Promise.all(
      values.map((value) =>
        log.append({ topic, key: 'k', value: Buffer.from(value), headers: {} }, performance.now() + 60_000),
      ),
    );
  const seriesOf = async (metrics: Registry, name: string) =>
    (await metrics.getSingleMetric(name)?.get())?.values;

  test('a transaction that hangs: records behind it are held back, which the lag cannot say; until it is aborted', async () => {
    const topic = await createTopic();
    const target = { topic, group: GROUP };
    const metrics = new Registry();
    const monitor = startLagMonitor(
      { targets: [target], intervalMs: INTERVAL_MS },
      { ...quiet(metrics, () => undefined), eventLog: log },
    );
    onTestFinished(() => monitor.stop());
    const value = async (name: string) => (await seriesOf(metrics, name))?.[0]?.value;
    await eventually(async () => expect(await value('event_log_held_back_records')).toBe(0));

    const producer = kafka().producer({
      transactionalId: topic,
      transactionTimeout: 600_000,
      maxInFlightRequests: 1,
      idempotent: true,
    });
    onTestFinished(() => producer.disconnect());
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ key: 'k', value: 'theirs' }] });
    await append(topic, 'a', 'b', 'c');

    await eventually(async () => expect(await value('event_log_held_back_records')).toBe(4));
    await eventually(async () => expect(await value('event_log_held_back_seconds')).toBeGreaterThan(0.5));
    expect(await value('kafka_consumergroup_lag')).toBe(0);
    expect(await value('kafka_consumergroup_lag_seconds')).toBe(0);
    expect(await Array.fromAsync(log.read(topic))).toEqual([]);
    expect(renderLagReport(await lookOnce(target, log, Date.now))).toContain('nothing to do\n');
    expect(renderLagReport(await lookOnce(target, log, Date.now))).toContain(
      'Nobody may read 4 more records of partitions 0 yet',
    );

    await transaction.abort();
    await eventually(async () => expect(await value('event_log_held_back_records')).toBe(0));
    expect(await value('event_log_held_back_seconds')).toBe(0);
    await eventually(async () => expect(await value('kafka_consumergroup_lag')).toBe(3));
  });

  test('what is appended while somebody looks is not held back', async () => {
    const topic = await createTopic();
    let isOver = false;
    const appending = (async () => {
      while (!isOver) await append(topic, 'a', 'b', 'c', 'd', 'e');
    })();
    for (let i = 0; i < 60; i++) {
      const [progress] = await log.progress(topic, GROUP);
      expect(progress).toMatchObject({ heldBack: 0 });
    }
    isOver = true;
    await appending;
  });

  const DESCRIBED = [
    'message.timestamp.type',
    'min.insync.replicas',
    'cleanup.policy',
    'max.message.bytes',
    'retention.ms',
  ];
  const configOf = async (name: string): Promise<Record<string, string>> => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name, configNames: DESCRIBED }],
    });
    const entries = resources.flatMap(({ configEntries }) => configEntries);
    return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
  };
  /** All of it: what is not named gets the broker's default. */
  const configure = (name: string, config: Readonly<Record<string, string>>) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: ConfigResourceTypes.TOPIC,
          name,
          configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
        },
      ],
    });

  test('[P10] settings that are changed while everything runs are told with both values, and so is the mending', async () => {
    const [topic, other] = [await createTopic(), await createTopic()];
    const config = await configOf(topic);
    const metrics = new Registry();
    const lines: Record<string, unknown>[] = [];
    await using _ = startTopicWatch(
      { topics: [settings(topic), settings(other)], intervalMs: INTERVAL_MS },
      { ...quiet(metrics, (line) => lines.push(line)), eventLog: log },
    );
    const known = async () =>
      Object.fromEntries(
        ((await seriesOf(metrics, 'event_log_topic_contradictions')) ?? []).map(({ labels, value }) => [
          labels['topic'],
          value,
        ]),
      );
    const told = () =>
      lines.filter((line) => line['topic'] === topic).map(({ contradictions, msg }) => contradictions ?? msg);
    await eventually(async () => expect(await known()).toEqual({ [topic]: 0, [other]: 0 }));
    expect(lines).toEqual([]);

    const mended = 'a topic is again as the promises need it';
    const changes: readonly (readonly [name: string, value: string, problem: string])[] = [
      [
        'message.timestamp.type',
        'CreateTime',
        'message.timestamp.type is CreateTime, expected LogAppendTime',
      ],
      ['cleanup.policy', 'compact,delete', 'cleanup.policy is compact,delete, expected delete'],
      ['retention.bytes', '1000000', 'retention.bytes is 1000000, expected -1'],
      ['retention.ms', '60000', 'retention.ms is 60000, expected 3600000'],
      ['max.message.bytes', '2000', 'max.message.bytes is 2000, expected at least 65636'],
      ['min.insync.replicas', '2', 'min.insync.replicas is 2, expected at most 1'],
    ];
    for (const [name, value, problem] of changes) {
      await configure(topic, { ...config, [name]: value });
      await eventually(async () => expect(await known()).toEqual({ [topic]: 1, [other]: 0 }));
      expect(told()).toEqual([[expect.stringContaining(`topic ${topic}: ${problem}`)]]);
      await configure(topic, config);
      await eventually(async () => expect(await known()).toEqual({ [topic]: 0, [other]: 0 }));
      expect(told()).toEqual([[expect.stringContaining(problem)], mended]);
      lines.length = 0;
    }

    await admin.deleteTopics({ topics: [topic] });
    await eventually(async () => expect(await known()).toEqual({ [topic]: 1, [other]: 0 }));
    expect(told()).toEqual([[`topic ${topic}: does not exist`]]);
    expect(await admin.listTopics()).not.toContain(topic);
    expect(lines.every((line) => line['topic'] === topic)).toBe(true);
  });
});
