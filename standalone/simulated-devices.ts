import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { Deps } from '#runtime/deps.ts';
import { chooseSchemas } from '#simulator/choose-schemas.ts';
import { type Fleet, startFleet } from '#simulator/fleet.ts';
import { assertInventable } from '#simulator/reading-source.ts';

export interface SimulatedDevicesOptions {
  readonly devices: number;
  readonly mqttPort: number;
  readonly schemas: SchemaRegistry;
}

/** `--simulate N`: well-behaved devices but for a little malformed input, so that a newcomer sees dead letters, too. */
export function simulateDevices(options: SimulatedDevicesOptions, deps: Deps): Fleet {
  const schemas = chooseSchemas(options.schemas);
  assertInventable(schemas);
  return startFleet(
    {
      urls: [`mqtt://127.0.0.1:${options.mqttPort}`],
      devices: Array.from({ length: options.devices }, (_, index) => ({ id: `sim-${index + 1}` })),
      schemas,
      seed: Math.floor(deps.random() * 2 ** 32),
      batch: 1,
      qos: 1,
      pace: { rate: 1, burstFactor: 1, burstEvery: 60, burstLength: 0 },
      malformed: 0.01,
    },
    deps,
  );
}
