import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject, test } from 'vitest';
import type { EventLog } from '#event-log/event-log.ts';
import { openKafkaEventLog } from '#event-log/kafka/kafka-event-log.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { missingReason, required } from '#services/provide.ts';

const provided = inject('kafka');

describe.skipIf(missingReason(provided))('a rebalance', () => {
  const open = (): Promise<EventLog> =>
    openKafkaEventLog(
      {
        brokers: required(provided).brokers,
        ssl: false,
        clientId: 'rebalance',
        topicPartitions: 2,
        consumer: { sessionTimeoutMs: 10_000, heartbeatMs: 300 },
      },
      { log: pino({ level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random },
    );

  test('[P2] in the middle of a long handler: its signal fires, its batch is not committed and comes again', async () => {
    await using first = await open();
    await using second = await open();
    const topic = `rebalance-${randomBytes(6).toString('hex')}`;
    const group = `group-${topic}`;
    await first.ensureTopics([{ name: topic, cleanup: 'delete', retentionMs: 3_600_000 }]);
    const deadline = performance.now() + 60_000;
    const keys = Array.from({ length: 20 }, (_, i) => `device-${i}`);
    await Promise.all(keys.map((key) => first.append({ topic, key, value: null, headers: {} }, deadline)));
    const limits = { topic, group, maxBatchRecords: 100, maxBatchBytes: 1_000_000 };

    const held = Promise.withResolvers<void>();
    const signalled = Promise.withResolvers<void>();
    const handled: string[] = [];
    const assigned: (readonly number[])[] = [];
    let isHeld = true;
    await using _ = await first.subscribe({
      ...limits,
      onAssigned: (partitions) => void assigned.push(partitions),
      onBatch: async ({ records }, signal) => {
        if (!isHeld) {
          handled.push(...records.map((r) => String(r.key)));
          return;
        }
        held.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        signalled.resolve();
      },
    });
    await held.promise;
    await using __ = await second.subscribe({
      ...limits,
      onBatch: async ({ records }) => void handled.push(...records.map((r) => String(r.key))),
    });
    await signalled.promise;
    isHeld = false;
    await eventually(() => expect(handled.toSorted()).toEqual(keys.toSorted()));
    expect(assigned.map(({ length }) => length)).toEqual([2, 1]);
  });
});
