import { logLevel } from 'kafkajs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import type { KafkaEventLogOptions } from '#event-log/kafka/options.ts';
import { createKafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import { kafkaConfig } from './client.ts';

function setUp(options: Partial<KafkaEventLogOptions> = {}) {
  const lines: Record<string, unknown>[] = [];
  const telemetry = createKafkaTelemetry({
    log: pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) }),
    metrics: new Registry(),
    now: Date.now,
    random: () => 0,
  });
  const config = kafkaConfig(
    { brokers: ['a:9092'], ssl: false, clientId: 'test', topicPartitions: 1, ...options },
    telemetry,
  );
  const say = (level: logLevel, message: string, more: object = {}) =>
    config.logCreator?.(logLevel.INFO)({
      namespace: 'Connection',
      level,
      label: '',
      log: { timestamp: '', logger: 'kafkajs', message, ...more },
    } as never);
  return { config, lines, say };
}

describe('kafkajs client', () => {
  test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
    'TLS and SASL %s are passed on',
    (mechanism) => {
      const sasl = { mechanism, username: 'u', password: 'p' };
      expect(setUp({ ssl: true, sasl }).config).toMatchObject({ ssl: true, sasl });
    },
  );

  test('without SASL there is no such setting', () => {
    expect(setUp().config).not.toHaveProperty('sasl');
  });

  test('its lines go to our logger, errors as warnings, without what was sent', () => {
    const { say, lines } = setUp();
    say(logLevel.ERROR, 'Connection error', { broker: 'a:9092', payload: Buffer.from('secret') });
    say(logLevel.INFO, 'Consumer has joined the group', { groupId: 'g' });
    expect(lines).toMatchObject([
      { level: 40, msg: 'Connection error', broker: 'a:9092', namespace: 'Connection' },
      { level: 20, msg: 'Consumer has joined the group', groupId: 'g' },
    ]);
    expect(JSON.stringify(lines)).not.toContain('payload');
  });

  test('a flood of the same line is one line', () => {
    const { say, lines } = setUp();
    for (let i = 0; i < 1_000; i++) say(logLevel.ERROR, 'Connection timeout');
    expect(lines).toHaveLength(1);
  });
});
