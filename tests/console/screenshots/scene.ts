import type { TestConsole } from '#console/server/testing/test-console.ts';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import { createLogger } from '#runtime/logger.ts';
import { type Fleet, startFleet } from '#simulator/fleet.ts';

const SEED = 20;
const ONE_A_SECOND = { rate: 1, burstFactor: 1, burstEvery: 60, burstLength: 0 };

/**
 * What there is to be seen: devices of every type, some with bad firmware, one that went away, one whose type nobody has
 * rolled out, one without JSON.
 */
export async function startScene(console: TestConsole): Promise<AsyncDisposable> {
  await using started = new AsyncDisposableStack();
  const log = createLogger({ name: 'scene', level: 'silent' }, { write: () => undefined });
  const schemas = [...console.contract.schemas.values()] as [ReadingSchema, ...ReadingSchema[]];
  const fleetOf = (prefix: string, devices: number, malformed: number): Fleet =>
    startFleet(
      {
        urls: [`mqtt://127.0.0.1:${console.mqttPort}`],
        devices: Array.from({ length: devices }, (_, index) => ({ id: `${prefix}-${index + 1}` })),
        schemas,
        seed: SEED + devices,
        batch: 1,
        qos: 1,
        mqttVersion: 'mixed',
        pace: ONE_A_SECOND,
        malformed,
      },
      { log, now: Date.now, random: Math.random },
    );
  started.use(fleetOf('hall', 60, 0.002));
  started.use(fleetOf('yard', 24, 0.004));
  const gone = await console.publish('yard-99', reading(0, { temperature: 4.5, humidity: 80 }));
  gone.socket.destroy();
  await console.publish(
    'greenhouse-1',
    ...[0, 1, 2, 3].map((seq) =>
      JSON.stringify({ schema: 'greenhouse/1', ts: Date.now(), seq, values: { light: 18_250 } }),
    ),
  );
  await console.publish(
    'hall-61',
    reading(17, { temperature: '21.53', humidity: 44.1 }),
    '{"schema":"environment/1","ts":17640',
  );
  return started.move();
}

function reading(seq: number, values: object): string {
  return JSON.stringify({ schema: 'environment/1', ts: Date.now(), seq, values });
}
