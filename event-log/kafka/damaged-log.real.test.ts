import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { LogRecord } from '#contract/log-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { type Kafka, startKafka } from '#services/kafka.ts';
import { createKafkaClient } from '#services/kafka-client.ts';
import { waitUntilInSync } from '#services/kafka-in-sync.ts';
import { missingReason } from '#services/provide.ts';
import { partitionOf } from './append/partitioner.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

const TOPIC = 'readings';
const READINGS = { name: TOPIC, cleanup: 'delete', retentionMs: 3_600_000 } as const;
const RECORDS = 160;
/** The batch that is spoilt: far behind the last entry of the index before it, and far before the next one. */
const SPOILT = 100;

/**
 * Ways to spoil the batch that begins at `at`; what Kafka 4.1 answers where it cannot read, as this test saw it. The batch
 * of offset `SPOILT`, where none is named.
 */
const KINDS: readonly (readonly [
  name: string,
  spoil: (segment: Buffer, at: number) => unknown,
  offset?: number,
])[] = [
  ['another value: wrong checksum', (segment, at) => segment.fill('X', at + 80, at + 90)],
  ['a format to come', (segment, at) => segment.writeInt8(3, at + 16)],
  ['an old format: UNKNOWN_SERVER_ERROR', (segment, at) => segment.writeInt8(0, at + 16)],
  ['a zeroed header: CORRUPT_MESSAGE', (segment, at) => segment.fill(0, at, at + 61)],
  ['a length that cannot be: no records', (segment, at) => segment.writeInt32BE(2 ** 31 - 1, at + 8)],
  [
    'a length too long: UNKNOWN_SERVER_ERROR',
    (segment, at) => segment.writeInt32BE(segment.readInt32BE(at + 8) + 1, at + 8),
  ],
  ['an offset too small: passed over', (segment, at) => segment.writeBigInt64BE(3n, at)],
  ['an offset too large', (segment, at) => segment.writeBigInt64BE(150n, at)],
  ['the first offset too small: passed over', (segment, at) => segment.writeBigInt64BE(-7n, at), 0],
  ['the first offset too large', (segment, at) => segment.writeBigInt64BE(40n, at), 0],
];

/**
 * Aim: what a broker's disk has spoilt harms nobody else. Method: record batches are spoilt in the segment files of a
 * stopped broker, which checks nothing when it starts again after an orderly stop. Each batch holds one record.
 */
describe.skipIf(missingReason(inject('kafka')))('a damaged log of a broker', () => {
  test('[P5] costs the record that was spoilt, for consumers and readers, and no other one', {
    timeout: 300_000,
  }, async () => {
    const dataDir = await temporaryFolder();
    const kafka = await startKafka({ brokers: 1, dataDir });
    onTestFinished(() => kafka.close());
    {
      await using log = await open(kafka);
      await fill(log);
    }
    await kafka.node(0).stop();
    for (const [partition, [, change, offset]] of KINDS.entries()) {
      await spoil(path.join(dataDir, 'broker-0', 'log', `${TOPIC}-${partition}`), change, offset);
    }
    await kafka.node(0).start();

    await using log = await open(kafka);
    const seen = await consume(log);
    for (const [partition, [name, , offset = SPOILT]] of KINDS.entries()) {
      expect([name, ...summaryOf(seen, partition)]).toEqual([name, [offset], RECORDS - 1, 'in order']);
    }
    const read = await Array.fromAsync(log.read(TOPIC));
    expect(read.map(essence).sort()).toEqual(seen.map(essence).sort());

    // Whoever begins in it, or in what the broker cannot find behind it, gets on, and misses no more than is there.
    for (const begin of [SPOILT, SPOILT + 3]) {
      for (const [partition, [, , offset = SPOILT]] of KINDS.entries()) {
        if (offset !== SPOILT) continue;
        const from = new Map([[partition, begin]]);
        const rest = await Array.fromAsync(log.read(TOPIC, { from }));
        const [lost, good] = summaryOf(rest, partition);
        expect([lost.length + good, lost.length]).toEqual([RECORDS - begin, expect.any(Number)]);
        if (begin === SPOILT) expect(lost).toEqual([SPOILT]);
        else expect(lost.length).toBeLessThan(40);
      }
    }
  });

  test('[P2] where another replica has what was spoilt, nothing is lost at all', {
    timeout: 400_000,
  }, async () => {
    const dataDir = await temporaryFolder();
    const config = { 'leader.imbalance.check.interval.seconds': 1 };
    const kafka = await startKafka({ brokers: 3, dataDir, config });
    onTestFinished(() => kafka.close());
    {
      await using log = await open(kafka);
      await fill(log);
    }
    const leaders = await leadersOf(kafka);
    await kafka.node(0).stop();
    for (const [partition, [, change, offset]] of KINDS.entries()) {
      if (leaders.get(partition) !== 0) continue;
      await spoil(path.join(dataDir, 'broker-0', 'log', `${TOPIC}-${partition}`), change, offset);
    }
    await kafka.node(0).start();
    await waitUntilInSync(kafka.brokers, 120_000);
    // It was the preferred leader of these partitions, and leads them again.
    await eventually(async () => expect(await leadersOf(kafka)).toEqual(leaders), { withinMs: 120_000 });

    await using log = await open(kafka);
    const seen = await consume(log);
    expect(new Set(leaders.values())).toContain(0);
    for (const partition of KINDS.keys()) {
      expect([partition, ...summaryOf(seen, partition)]).toEqual([partition, [], RECORDS, 'in order']);
    }
  });
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'damaged-kafka-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function open({ brokers }: Kafka): Promise<EventLog> {
  return openKafkaEventLog(
    { brokers, ssl: false, clientId: 'damaged', topicPartitions: KINDS.length },
    { log: pino({ level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random },
  );
}

/** {@link RECORDS} in each partition, each in a record batch of its own. */
async function fill(log: EventLog): Promise<void> {
  await eventually(() => log.ensureTopics([READINGS]));
  const keys = [...KINDS.keys()].map((partition) => {
    for (let i = 0; ; i++) {
      if (partitionOf(Buffer.from(`key-${i}`), KINDS.length) === partition) return `key-${i}`;
    }
  });
  for (let i = 0; i < RECORDS; i++) {
    const value = Buffer.from(`value-${i}-${'.'.repeat(100)}`);
    const append = (key: string) =>
      log.append({ topic: TOPIC, key, value, headers: {} }, performance.now() + 60_000);
    await Promise.all(keys.map(append));
  }
}

async function consume(log: EventLog): Promise<LogRecord[]> {
  await eventually(() => log.ensureTopics([READINGS]));
  const seen: LogRecord[] = [];
  await using _ = await log.subscribe({
    topic: TOPIC,
    group: 'g',
    maxBatchRecords: 50,
    maxBatchBytes: 1_000_000,
    onBatch: async ({ records }) => void seen.push(...records),
  });
  await eventually(async () => {
    const progress = await log.progress(TOPIC, 'g');
    expect(progress.map(({ committedOffset }) => committedOffset)).toEqual(KINDS.map(() => RECORDS));
    expect(progress.map(({ backlog }) => backlog)).toEqual(KINDS.map(() => 0));
  });
  return seen;
}

/** What was lost of a partition, how many came as they were written, and whether all came in order. */
function summaryOf(seen: readonly LogRecord[], partition: number) {
  const records = seen.filter((record) => record.partition === partition);
  const lost = records.flatMap(({ damage, offset, damagedRecords = 1 }) =>
    damage === undefined ? [] : Array.from({ length: damagedRecords }, (_, i) => offset + i),
  );
  const good = records.filter(({ offset, value }) => String(value).startsWith(`value-${offset}-.`));
  const inOrder = records.every(({ offset }, i) => i === 0 || offset > (records[i - 1]?.offset ?? 0));
  return [lost, good.length, inOrder ? 'in order' : 'mixed up'] as const;
}

const essence = ({ partition, offset, damage, damagedRecords, value }: LogRecord) =>
  `${partition} ${offset} ${damage ?? value} ${damagedRecords}`;

async function leadersOf({ brokers }: Kafka): Promise<ReadonlyMap<number, number>> {
  const admin = createKafkaClient(brokers).admin();
  await admin.connect();
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
    const partitions = topics.flatMap((topic) => topic.partitions);
    return new Map(
      partitions.map(({ partitionId, leader }) => [partitionId, leader] as const).sort(([a], [b]) => a - b),
    );
  } finally {
    await admin.disconnect();
  }
}

async function spoil(
  folder: string,
  change: (segment: Buffer, at: number) => unknown,
  offset = SPOILT,
): Promise<void> {
  const segment = (await readdir(folder)).find((name) => name.endsWith('.log'));
  const file = path.join(folder, segment ?? '');
  const bytes = await readFile(file);
  const starts = batchStarts(bytes);
  expect(starts).toHaveLength(RECORDS);
  change(bytes, starts[offset] ?? 0);
  await writeFile(file, bytes);
}

function batchStarts(segment: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at + 12 <= segment.length; at += 12 + segment.readInt32BE(at + 8)) starts.push(at);
  return starts;
}
