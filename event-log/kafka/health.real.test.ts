import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { EventLog, EventLogHealth } from '#event-log/event-log.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { startKafka } from '#services/kafka.ts';
import { missingReason } from '#services/provide.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

/**
 * Aim: "up" is never said of a log that cannot be written, and not for want of somebody who tries. Method: a real broker
 * that tells its clients an address at which nobody listens.
 */
describe.skipIf(missingReason(inject('kafka')))('health', () => {
  test('[P1] down from the start, without a flip while records are given up, and names broker and address', {
    timeout: 240_000,
  }, async () => {
    const [port] = await choosePorts([undefined]);
    const advertised = `127.0.0.1:${port}`;
    const kafka = await startKafka({ brokers: 1, advertisedBrokers: [advertised] });
    onTestFinished(() => kafka.close());
    await using log = await open(kafka.brokers);
    const seen: EventLogHealth[] = [];
    const append = async () => {
      const record = { topic: 'readings', key: 'k', value: Buffer.from('1'), headers: {} };
      const appended = log.append(record, performance.now() + 300);
      await expect(appended).rejects.toMatchObject({ code: 'not-durable' });
      seen.push(log.health());
    };
    for (let i = 0; i < 30; i++) await append();
    expect(seen.filter(({ up }) => up)).toEqual([]);
    // The address is known from the metadata, whose connection may come later.
    await eventually(() => expect(log.health().detail).toContain(advertised));
    expect(log.health().detail).toContain('broker 0');
  });

  test('[P1] a broker that answers again proves it by a probe: no record is needed, and none is written', {
    timeout: 240_000,
  }, async () => {
    const kafka = await startKafka({ brokers: 1 });
    onTestFinished(() => kafka.close());
    await using log = await open(kafka.brokers);
    const topic = { name: 'readings', cleanup: 'delete' as const, retentionMs: 3_600_000 };
    await eventually(() => log.ensureTopics([topic]));
    await eventually(() => expect(log.health()).toEqual({ up: true, detail: '' }));
    expect(await Array.fromAsync(log.read('readings'))).toEqual([]);
    kafka.node(0).freeze();
    await eventually(() => expect(log.health().up).toBe(false));
    kafka.node(0).thaw();
    await eventually(() => expect(log.health()).toEqual({ up: true, detail: '' }));
    expect(await Array.fromAsync(log.read('readings'))).toEqual([]);
  });
});

function open(brokers: readonly string[]): Promise<EventLog> {
  return openKafkaEventLog(
    { brokers, ssl: false, clientId: 'health', topicPartitions: 3 },
    { log: pino({ level: 'silent' }), metrics: new Registry(), now: Date.now, random: Math.random },
  );
}
