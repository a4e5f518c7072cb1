import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { LogRecord } from '#contract/log-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { missingReason, required } from '#services/provide.ts';
import { isOnPath } from '#services/tools.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

const provided = inject('kafka');
const unable = missingReason(provided) ?? ((await isOnPath('kcat')) ? undefined : 'kcat is not installed');

/** What other programs write into our topics must not stop a consumer, and is read as it was meant. */
describe.skipIf(unable)('records of other producers', () => {
  let log: EventLog;
  let brokers: readonly string[];

  beforeAll(async () => {
    brokers = required(provided).brokers;
    log = await openKafkaEventLog(
      { brokers, ssl: false, clientId: 'foreign', topicPartitions: 3 },
      { log: pino({ level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random },
    );
  });
  afterAll(() => log.close());

  const createTopic = async () => {
    const topic = `foreign-${randomBytes(6).toString('hex')}`;
    await log.ensureTopics([{ name: topic, cleanup: 'delete', retentionMs: 3_600_000 }]);
    return topic;
  };

  const kcat = (topic: string, lines: readonly string[], ...args: string[]) => {
    const child = promisify(execFile)('kcat', [
      '-b',
      brokers.join(','),
      '-P',
      '-t',
      topic,
      '-K',
      ':',
      ...args,
    ]);
    child.child.stdin?.end(lines.join('\n'));
    return child;
  };

  const consume = async (topic: string, count: number): Promise<LogRecord[]> => {
    const records: LogRecord[] = [];
    await using _ = await log.subscribe({
      topic,
      group: `group-${topic}`,
      maxBatchRecords: 1_000,
      maxBatchBytes: 1_000_000,
      onBatch: async (batch) => void records.push(...batch.records),
    });
    await eventually(() => expect(records).toHaveLength(count));
    return records;
  };

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('[P10] compressed with %s', async (compression) => {
    const topic = await createTopic();
    const lines = Array.from({ length: 500 }, (_, i) => `device-${i % 7}:${'reading '.repeat(20)}${i}`);
    await kcat(topic, lines, '-z', compression, '-X', 'topic.partitioner=murmur2');
    const texts = (records: LogRecord[]) => records.map((r) => `${r.key}:${r.value}`).sort();
    expect(texts(await consume(topic, 500))).toEqual([...lines].sort());
    expect(texts(await Array.fromAsync(log.read(topic)))).toEqual([...lines].sort());
  });

  test('[P4] another producer of the same key, with Kafka’s default partitioner, meets ours in one partition', async () => {
    const topic = await createTopic();
    const keys = Array.from({ length: 40 }, (_, i) => `device-${i}-${'x'.repeat(i % 5)}`);
    await kcat(
      topic,
      keys.map((key) => `${key}:theirs`),
      '-X',
      'topic.partitioner=murmur2_random',
    );
    const deadline = performance.now() + 60_000;
    await Promise.all(
      keys.map((key) => log.append({ topic, key, value: Buffer.from('ours'), headers: {} }, deadline)),
    );
    const records = await Array.fromAsync(log.read(topic));
    expect(records).toHaveLength(80);
    for (const ofKey of Map.groupBy(records, (r) => String(r.key)).values()) {
      expect(new Set(ofKey.map((r) => r.partition)).size).toBe(1);
    }
  });

  test('keys and values may be missing, headers may repeat', async () => {
    const topic = await createTopic();
    await promisify(execFile)('sh', [
      '-c',
      `printf 'plain' | kcat -b ${brokers.join(',')} -P -t ${topic} -H a=1 -H a=2 -H empty`,
    ]);
    expect(await consume(topic, 1)).toMatchObject([{ key: null, headers: { a: '2', empty: '' } }]);
  });

  test('[P2] transactions: what was aborted and the control records are skipped, and leave no stuck backlog', async () => {
    const topic = await createTopic();
    const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
    const producer = kafka.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    const send = async (value: string, end: 'commit' | 'abort') => {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ key: 'k', value }] });
      await transaction[end]();
    };
    await send('one', 'commit');
    await send('aborted', 'abort');
    await send('two', 'commit');
    await producer.disconnect();
    expect((await consume(topic, 2)).map((r) => String(r.value))).toEqual(['one', 'two']);
    expect((await Array.fromAsync(log.read(topic))).map((r) => String(r.value))).toEqual(['one', 'two']);
  });
});
