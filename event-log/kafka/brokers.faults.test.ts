import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject, test } from 'vitest';
import type { RecordPosition } from '#contract/log-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { type Kafka, startKafka } from '#services/kafka.ts';
import { missingReason } from '#services/provide.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

// Aim: an append that resolved is in the log, at its position, whatever happens to single brokers; and the records of
// a key keep the order of their first occurrences. A consumer gets all of them.
// Method: three real brokers, replication 3, min ISR 2. Appends flow all the time while each broker is restarted in
// turn, one is killed with SIGKILL and comes back, one is frozen for 20 s. Then the whole topic is read.
// Finding: kafkajs' own producer loses confirmed records in this drill (752 of 310,000; tulios/kafkajs#1303).

const KEYS = 200;
/** Of one key, on their way at the same time: with one alone, retries could not change the order. */
const BURST = 10;
const BURST_PAUSE_MS = 300;
const PAUSE_MS = 5_000;
const FROZEN_MS = 20_000;

describe.skipIf(missingReason(inject('kafka')))('appending while brokers come and go', () => {
  test('[P1] [P4] loses no acknowledged record, and keeps the order of each key', async () => {
    await using kafka = await startKafka({ brokers: 3 });
    const log = await openKafkaEventLog(
      { brokers: kafka.brokers, ssl: false, clientId: 'drill', topicPartitions: 12 },
      { log: pino({ level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random },
    );
    try {
      const topic = 'drill';
      await log.ensureTopics([{ name: topic, cleanup: 'delete', retentionMs: 3_600_000 }]);

      const acknowledged = new Map<string, RecordPosition>();
      const gaps: { at: number; ms: number }[] = [];
      let lastAt = performance.now();
      let givenUp = 0;
      let over = false;
      const startedAt = performance.now();
      const appendOne = async (key: string, sequence: number): Promise<void> => {
        const value = Buffer.from(String(sequence));
        try {
          // Longer than any election: a record that is given up would not be retried, and prove nothing.
          const position = await log.append({ topic, key, value, headers: {} }, performance.now() + 60_000);
          acknowledged.set(`${key}:${sequence}`, position);
          const now = performance.now();
          if (now - lastAt > 1_000) gaps.push({ at: now - startedAt, ms: now - lastAt });
          lastAt = now;
        } catch {
          givenUp++;
        }
      };
      const flow = Array.from({ length: KEYS }, async (_, device) => {
        for (let sequence = 0; !over; ) {
          const burst = Array.from({ length: BURST }, () => appendOne(`device-${device}`, sequence++));
          await Promise.all(burst);
          await sleep(BURST_PAUSE_MS);
        }
      });

      const delivered = new Set<string>();
      let deliveries = 0;
      await using subscription = await log.subscribe({
        topic,
        group: 'drill',
        maxBatchRecords: 1_000,
        maxBatchBytes: 1_000_000,
        onBatch: async ({ records }) => {
          deliveries += records.length;
          for (const { partition, offset } of records) delivered.add(`${partition}-${offset}`);
        },
      });

      await faults(kafka);
      over = true;
      await Promise.all(flow);
      const seconds = (performance.now() - startedAt) / 1000;

      // Rejects when the consumer gave up: a broker that is away for a while is no reason.
      await Promise.race([caughtUp(log, topic), subscription.stopped]);

      const records = await Array.fromAsync(log.read(topic));
      const stored = new Map(records.map((r) => [`${r.partition}-${r.offset}`, `${r.key}:${r.value}`]));
      const missing = [...acknowledged].filter(
        ([id, { partition, offset }]) => stored.get(`${partition}-${offset}`) !== id,
      );
      const undelivered = [...stored.keys()].filter((place) => !delivered.has(place));
      const disordered = [...Map.groupBy(records, (r) => String(r.key)).values()].filter((ofKey) => {
        const firsts = [...new Set(ofKey.map((r) => Number(r.value)))];
        return firsts.some((sequence, index) => sequence !== index);
      });
      process.stdout.write(
        `${JSON.stringify({
          seconds: Math.round(seconds),
          acknowledged: acknowledged.size,
          perSecond: Math.round(acknowledged.size / seconds),
          inTopic: records.length,
          duplicates: records.length - new Set(stored.values()).size,
          givenUp,
          missing: missing.length,
          undelivered: undelivered.length,
          deliveredAgain: deliveries - delivered.size,
          keysOutOfOrder: disordered.length,
          secondsWithoutAnyAcknowledgement: gaps.map(({ at, ms }) => [
            Math.round(at / 1000),
            Math.round(ms / 1000),
          ]),
        })}\n`,
      );
      expect(missing).toEqual([]);
      expect(undelivered).toEqual([]);
      expect(disordered).toEqual([]);
      expect(givenUp).toBe(0);
      expect(acknowledged.size).toBeGreaterThan(10_000);
    } finally {
      await log.close();
    }
  });
});

// Aim: a partition without a leader holds up only its own devices, also for a process that starts meanwhile.
// Method: topics without replication on three brokers, one of them killed.
describe.skipIf(missingReason(inject('kafka')))('a partition without a leader', () => {
  test('[P1] the others are written, by a running process and by a new one; the rest is not acknowledged', async () => {
    await using kafka = await startKafka({ brokers: 3, config: { 'min.insync.replicas': 1 } });
    const options = { brokers: kafka.brokers, ssl: false, topicPartitions: 6, replicationFactor: 1 };
    const deps = () => ({
      log: pino({ level: 'silent' }),
      metrics: new Registry(),
      now: Date.now,
      random: Math.random,
    });
    const appendToAll = async (log: EventLog, deadlineMs: number) => {
      const keys = Array.from({ length: 60 }, (_, i) => `device-${i}`);
      const outcomes = await Promise.allSettled(
        keys.map((key) =>
          log.append({ topic: 'r', key, value: null, headers: {} }, performance.now() + deadlineMs),
        ),
      );
      return {
        written: new Set(outcomes.flatMap((o) => (o.status === 'fulfilled' ? [o.value.partition] : []))),
        codes: new Set(outcomes.flatMap((o) => (o.status === 'rejected' ? [o.reason.code] : []))),
      };
    };

    await using running = await openKafkaEventLog({ ...options, clientId: 'running' }, deps());
    await running.ensureTopics([{ name: 'r', cleanup: 'delete', retentionMs: 3_600_000 }]);
    const before = await appendToAll(running, 60_000);
    expect(before.written.size).toBe(6);

    await kafka.node(1).kill();
    const meanwhile = await appendToAll(running, 20_000);
    expect([meanwhile.written.size, [...meanwhile.codes]]).toEqual([4, ['not-durable']]);
    expect(running.health().up).toBe(true);

    await using fresh = await openKafkaEventLog({ ...options, clientId: 'fresh' }, deps());
    const freshly = await appendToAll(fresh, 20_000);
    expect([freshly.written.size, [...freshly.codes]]).toEqual([4, ['not-durable']]);

    await kafka.node(1).start();
    const after = await appendToAll(running, 60_000);
    expect([after.written.size, [...after.codes]]).toEqual([6, []]);
  });
});

async function caughtUp(log: EventLog, topic: string): Promise<void> {
  const behind = async () => {
    const progress = await log.progress(topic, 'drill');
    return progress.filter(({ committedOffset, endOffset }) => endOffset > 0 && committedOffset < endOffset);
  };
  await eventually(async () => expect(await behind()).toEqual([]), { withinMs: 120_000 });
}

async function faults(kafka: Kafka): Promise<void> {
  await sleep(PAUSE_MS);
  for (const node of kafka.nodes) {
    await node.stop();
    await sleep(1_000);
    await node.start();
    await sleep(PAUSE_MS);
  }
  await kafka.node(1).kill();
  await sleep(PAUSE_MS);
  await kafka.node(1).start();
  await sleep(PAUSE_MS);
  kafka.node(2).freeze();
  await sleep(FROZEN_MS);
  kafka.node(2).thaw();
  await sleep(PAUSE_MS);
}
