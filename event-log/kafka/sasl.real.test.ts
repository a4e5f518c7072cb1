import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, inject, test, vi } from 'vitest';
import { startKafka } from '#services/kafka.ts';
import { missingReason } from '#services/provide.ts';
import { openKafkaEventLog } from './kafka-event-log.ts';

const JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required';

describe.skipIf(missingReason(inject('kafka')))('SASL PLAIN against a real broker', () => {
  const deps = () => ({
    log: pino({ level: 'silent' }),
    metrics: new Registry(),
    now: Date.now,
    random: Math.random,
  });

  test('the right password appends, reads and consumes; a wrong one is told, and nothing crashes', async () => {
    await using kafka = await startKafka({
      brokers: 1,
      config: {
        'listener.security.protocol.map': 'CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
        'sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.client.plain.sasl.jaas.config': `${JAAS} user_pipeline="right";`,
      },
    });
    const base = { brokers: kafka.brokers, ssl: false, clientId: 'sasl', topicPartitions: 1 };
    const sasl = { mechanism: 'plain' as const, username: 'pipeline', password: 'right' };
    await using log = await openKafkaEventLog({ ...base, sasl }, deps());
    const topic = 'readings';
    await log.ensureTopics([{ name: topic, cleanup: 'delete', retentionMs: 3_600_000 }]);
    const value = Buffer.from('21.5');
    await log.append({ topic, key: 'device-1', value, headers: {} }, performance.now() + 10_000);
    expect(await Array.fromAsync(log.read(topic))).toHaveLength(1);
    const batches = vi.fn(async () => undefined);
    await using _ = await log.subscribe({
      topic,
      group: 'g',
      maxBatchRecords: 10,
      maxBatchBytes: 1_000,
      onBatch: batches,
    });
    await vi.waitFor(() => expect(batches).toHaveBeenCalledOnce(), { timeout: 20_000 });

    await using wrong = await openKafkaEventLog({ ...base, sasl: { ...sasl, password: 'wrong' } }, deps());
    await expect(
      wrong.ensureTopics([{ name: topic, cleanup: 'delete', retentionMs: 3_600_000 }]),
    ).rejects.toMatchObject({ code: 'configuration', message: expect.stringContaining('SASL') });
    const refused = wrong.append({ topic, key: 'device-1', value, headers: {} }, performance.now() + 500);
    await expect(refused).rejects.toMatchObject({ code: 'not-durable' });
    expect(wrong.health().up).toBe(false);
  });
});
