import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { LogRecord } from '#contract/log-record.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { startKafka } from '#services/kafka.ts';
import { missingReason } from '#services/provide.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

/**
 * Aim: what a broker's disk has spoilt harms nobody else. Method: record batches are spoilt in the segment file of a
 * stopped broker, which checks nothing when it starts again after an orderly stop.
 */
describe.skipIf(missingReason(inject('kafka')))('a damaged log of a broker', () => {
  test('[P5] a batch with a wrong checksum, and one of a future format, are delivered as such; the rest goes on', {
    timeout: 300_000,
  }, async () => {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'damaged-kafka-'));
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
    const kafka = await startKafka({ brokers: 1, dataDir });
    onTestFinished(() => kafka.close());
    const open = () =>
      openKafkaEventLog(
        { brokers: kafka.brokers, ssl: false, clientId: 'damaged', topicPartitions: 1 },
        { log: pino({ level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random },
      );
    const topic = 'readings';
    {
      await using log = await open();
      const settings = { name: topic, cleanup: 'delete' as const, retentionMs: 3_600_000 };
      await eventually(() => log.ensureTopics([settings]));
      for (let i = 0; i < 5; i++) {
        const value = Buffer.from(`value-${i}`);
        await log.append({ topic, key: 'k', value, headers: {} }, performance.now() + 20_000);
      }
    }
    await kafka.node(0).stop();
    await spoil(path.join(dataDir, 'broker-0', 'log', `${topic}-0`), (segment) => {
      segment.write('VALUE-1', segment.indexOf('value-1'));
      const batches = batchStarts(segment);
      segment.writeInt8(3, (batches[3] ?? 0) + 16);
    });
    await kafka.node(0).start();

    await using log = await open();
    const expectDamaged = (records: readonly LogRecord[]) =>
      expect(records.map(({ offset, value, damage }) => [offset, damage ?? String(value)])).toEqual([
        [0, 'value-0'],
        [1, expect.stringMatching(/offset 1.*wrong checksum/)],
        [2, 'value-2'],
        [3, expect.stringMatching(/offset 3.*format 3/)],
        [4, 'value-4'],
      ]);
    const read = await Array.fromAsync(log.read(topic));
    expectDamaged(read);
    expect(read[1]?.value?.includes('VALUE-1')).toBe(true);
    expect(await log.progress(topic, 'g')).toMatchObject([{ backlog: 5 }]);

    const seen: LogRecord[] = [];
    await using _ = await log.subscribe({
      topic,
      group: 'g',
      maxBatchRecords: 2,
      maxBatchBytes: 1_000_000,
      onBatch: async ({ records }) => void seen.push(...records),
    });
    await eventually(async () =>
      expect(await log.progress(topic, 'g')).toMatchObject([{ committedOffset: 5, backlog: 0 }]),
    );
    expectDamaged(seen);
  });
});

function batchStarts(segment: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at + 12 <= segment.length; at += 12 + segment.readInt32BE(at + 8)) starts.push(at);
  return starts;
}

async function spoil(folder: string, change: (segment: Buffer) => void): Promise<void> {
  const segment = (await readdir(folder)).find((name) => name.endsWith('.log'));
  const file = path.join(folder, segment ?? '');
  const bytes = await readFile(file);
  change(bytes);
  await writeFile(file, bytes);
}
