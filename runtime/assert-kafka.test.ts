import { describe, expect, it } from 'vitest';
import { assertKafka } from './assert-kafka.ts';
import { readSettings } from './settings.ts';

describe('assertKafka', () => {
  it('[P10] names the variable and the reason', () => {
    const settingsOf = (env: Readonly<Record<string, string>>) => readSettings(env, () => '').settings;
    expect(() => assertKafka(settingsOf({}), 'it is needed')).toThrow(
      /^KAFKA_BROKERS: .* because it is needed$/,
    );
    expect(() => assertKafka(settingsOf({ KAFKA_BROKERS: 'kafka:9092' }), '')).not.toThrow();
  });
});
