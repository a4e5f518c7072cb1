import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import type { DeliveredBatch, EventLog } from '#event-log/event-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { openEmbeddedEventLog } from './open-embedded-event-log.ts';

const TOPIC = { topic: 'readings', group: 'writer', maxBatchRecords: 2, maxBatchBytes: 1024 * 1024 };

async function logWith(records: number): Promise<EventLog> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'fetched-chunk-'));
  const log = await openEmbeddedEventLog(
    { dataDir, role: 'owner', maxBytes: 1024 ** 3 },
    {
      log: createLogger({ name: 'test', level: 'silent' }),
      metrics: new Registry(),
      now: Date.now,
      random: Math.random,
    },
  );
  onTestFinished(async () => {
    await log.close();
    rmSync(dataDir, { recursive: true });
  });
  await log.ensureTopics([{ name: TOPIC.topic, cleanup: 'delete', retentionMs: 3_600_000 }]);
  for (let i = 0; i < records; i++) {
    const value = Buffer.from(String(i));
    await log.append({ topic: TOPIC.topic, key: 'a', value, headers: {} }, performance.now() + 60_000);
  }
  return log;
}

const text = ({ records }: DeliveredBatch): string => records.map(({ value }) => String(value)).join();

test('each batch is told while the one before it is handled, and is the same object when its turn comes', async () => {
  const log = await logWith(6);
  const told: DeliveredBatch[] = [];
  const handled: DeliveredBatch[] = [];
  const toldOf = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const done = Promise.withResolvers<void>();
  await using _ = await log.subscribe({
    ...TOPIC,
    onFetched: (batch) => toldOf[told.push(batch) - 1]?.resolve(),
    onBatch: async (batch) => {
      handled.push(batch);
      await toldOf[handled.length]?.promise;
    },
    onCommitted: (batch) => {
      if (text(batch) === '4,5') done.resolve();
    },
  });
  await done.promise;
  expect(told.map(text)).toEqual(['0,1', '2,3', '4,5']);
  expect(handled).toHaveLength(3);
  for (const [index, batch] of handled.entries()) expect(batch).toBe(told[index]);
});

test('what was told and will not come is known by its signal', async () => {
  const log = await logWith(4);
  let ahead: AbortSignal | undefined;
  const told = Promise.withResolvers<void>();
  const subscription = await log.subscribe({
    ...TOPIC,
    onFetched: (batch, signal) => {
      if (text(batch) !== '2,3') return;
      ahead = signal;
      told.resolve();
    },
    onBatch: (_batch, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  });
  await told.promise;
  expect(ahead?.aborted).toBe(false);
  await subscription.close();
  expect(ahead?.aborted).toBe(true);
});
