import { expect, test } from 'vitest';
import { Mappings } from '#contract/mapping/mappings.ts';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import { startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { createLogger } from '#runtime/logger.ts';
import { type Fleet, startFleet } from '#simulator/fleet.ts';
import type { FleetOptions } from '#simulator/fleet-options.ts';

const SEED = 5;
const SCHEMAS = loadSchemas();
const log = createLogger({ name: 'test', level: 'silent' }, { write: () => undefined });

function fleet(port: number, options: Partial<FleetOptions>): Fleet {
  return startFleet(
    {
      urls: [`mqtt://127.0.0.1:${port}`],
      devices: ['a', 'b', 'c', 'd'].map((id) => ({ id })),
      schemas: [...SCHEMAS.values()] as [ReadingSchema, ...ReadingSchema[]],
      seed: SEED,
      batch: 3,
      qos: 1,
      count: 150,
      ...options,
    },
    { log, now: Date.now, random: Math.random },
  );
}

test.each([1, 2] as const)(
  '[P8] QoS %d: a fleet of both versions is answered rightly, whatever is wrong with its messages',
  async (qos) => {
    await using gateway = await startTestGateway();
    await using devices = fleet(gateway.port, { qos, mqttVersion: 'mixed', malformed: 0.2, duplicate: 0.1 });
    expect(await devices.ended).toBe('complete');
    const { sent, acked, malformed, wrongAnswers, wrongAnswer } = devices.progress();
    expect({ acked, wrongAnswers, wrongAnswer }).toEqual({
      acked: sent,
      wrongAnswers: 0,
      wrongAnswer: undefined,
    });
    expect(malformed).toBeGreaterThan(100);
    for (const version of ['3.1.1', '5']) {
      expect(
        await gateway.metric(`ingest_messages_total{qos="${qos}",version="${version}"}`),
      ).toBeGreaterThan(300);
    }
  },
);

test('a gateway that answers wrongly is found out', async () => {
  // It knows no type, so that good readings are refused.
  await using gateway = await startTestGateway(
    {},
    { contract: { schemas: new Map(), mappings: new Mappings([]) } },
  );
  await using devices = fleet(gateway.port, { mqttVersion: '5', count: 2 });
  expect(await devices.ended).toBe('complete');
  const { acked, wrongAnswers, wrongAnswer } = devices.progress();
  expect({ acked, wrongAnswers }).toEqual({ acked: 24, wrongAnswers: 8 });
  expect(wrongAnswer).toMatch(/^[a-d]: seq \d+: expected reason code 0, got 153$/);
});
