import { createHistogram } from 'node:perf_hooks';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import { randomStreams } from '#simulator/random-stream.ts';
import { encodePublishes } from './encode-publishes.ts';
import { FloodDevice } from './flood-device.ts';

export interface FloodOptions {
  readonly port: number;
  readonly devices: number;
  /** Device ids are this and a number. */
  readonly prefix: string;
  /** Messages of each device. */
  readonly count: number;
  readonly batch: number;
  readonly protocolVersion: 4 | 5;
  /** Readings with no more than their schemas require. */
  readonly small: boolean;
  readonly window: number;
  /** Messages a second of each device; 0 = as fast as the window allows. */
  readonly rate: number;
  readonly schemas: readonly ReadingSchema[];
}

export interface FloodResult {
  /** First publish and last PUBACK, milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** All acknowledged: a flood in which a PUBACK is missing, or comes out of order, fails. */
  readonly messages: number;
  readonly readings: number;
  readonly pubackMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

const PACE_MS = 1;

/** Encodes everything, connects, and then publishes all of it when `go` resolves. */
export async function flood(options: FloodOptions, go: () => Promise<void>): Promise<FloodResult> {
  const ackNanoseconds = createHistogram();
  const devices = createDevices(options, (plan) => new FloodDevice({ ...plan, ackNanoseconds }));
  try {
    for (const device of devices) await device.connect();
    await go();
    const startedAt = Date.now();
    await publish(devices, options);
    const messages = options.devices * options.count;
    return {
      startedAt,
      endedAt: Date.now(),
      messages,
      readings: messages * options.batch,
      pubackMs: {
        p50: ackNanoseconds.percentile(50) / 1e6,
        p99: ackNanoseconds.percentile(99) / 1e6,
        max: ackNanoseconds.max / 1e6,
      },
    };
  } finally {
    for (const device of devices) device.disconnect();
  }
}

type DevicePlan = Omit<ConstructorParameters<typeof FloodDevice>[0], 'ackNanoseconds'>;

function createDevices(options: FloodOptions, create: (plan: DevicePlan) => FloodDevice): FloodDevice[] {
  const { port, prefix, count, batch, small, window, schemas, protocolVersion } = options;
  const streams = randomStreams(1);
  // In the past: the newest reading must not be ahead of the clock.
  const firstTs = Date.now() - count * batch;
  return Array.from({ length: options.devices }, (_, index) => {
    const deviceId = `${prefix}-${index + 1}`;
    const schema = schemas[index % schemas.length] as ReadingSchema;
    const publishes = encodePublishes(
      { deviceId, schema, count, batch, small, firstTs, protocolVersion },
      streams.next().value,
    );
    return { port, deviceId, publishes, protocolVersion, window };
  }).map(create);
}

async function publish(devices: readonly FloodDevice[], { rate, count }: FloodOptions): Promise<void> {
  const done = Promise.all(devices.map((device) => device.done));
  if (rate === 0) {
    for (const device of devices) device.allow(count);
    await done;
    return;
  }
  const startedAt = performance.now();
  const pace = setInterval(() => {
    const seconds = (performance.now() - startedAt) / 1000;
    // Each at its own moment, as devices do.
    for (const [index, device] of devices.entries()) {
      device.allow(Math.floor(seconds * rate + index / devices.length));
    }
  }, PACE_MS);
  try {
    await done;
  } finally {
    clearInterval(pace);
  }
}
