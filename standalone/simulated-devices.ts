import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { Deps } from '#runtime/deps.ts';
import { PipelineError } from '#runtime/errors.ts';
import { type Fleet, startFleet } from '#simulator/fleet.ts';

export interface SimulatedDevicesOptions {
  readonly devices: number;
  readonly mqttPort: number;
  readonly schemas: SchemaRegistry;
}

/** `--simulate N`: well-behaved devices but for a little malformed input, so that a newcomer sees dead letters, too. */
export function simulateDevices(options: SimulatedDevicesOptions, deps: Deps): Fleet {
  const [first, ...others] = options.schemas.values();
  if (first === undefined) throw new PipelineError('configuration', 'SCHEMA_DIR: no schema to simulate');
  return startFleet(
    {
      urls: [`mqtt://127.0.0.1:${options.mqttPort}`],
      devices: Array.from({ length: options.devices }, (_, index) => ({ id: `sim-${index + 1}` })),
      schemas: [first, ...others],
      seed: Math.floor(deps.random() * 2 ** 32),
      batch: 1,
      qos: 1,
      pace: { rate: 1, burstFactor: 1, burstEvery: 60, burstLength: 0 },
      malformed: 0.01,
    },
    deps,
  );
}
