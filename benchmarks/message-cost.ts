import { admit } from '#contract/admission.ts';
import { batchesOf } from '#contract/mapping/mapped-records.ts';
import { loadContract } from '#runtime/load-contract.ts';
import type { Figures } from './measurements.ts';

const RUN_MS = 1_000;
/** Between two looks at the clock. */
const AT_ONCE = 50;
const GATEWAY_DEVICES = 100;

/**
 * What a message costs until its readings are records, in microseconds, in one thread, without MQTT, log or store: one in our own
 * format; one of Tasmota's; one of a ThingsBoard gateway with a reading of each of its 100 devices.
 */
export async function measureMessages(): Promise<Figures> {
  const { schemas, mappings } = loadContract({
    schemaDir: undefined,
    shippedSchemas: true,
    mappings: ['tasmota', 'thingsboard'],
    mappingDir: undefined,
    siteZone: 'UTC',
  });
  const now = Date.now();
  const native = bytes({
    schema: 'environment/1',
    ts: now,
    seq: 1,
    values: { temperature: 20.9, humidity: 44.1, pressure: 1013.2 },
  });
  const tasmota = bytes({
    Time: new Date(now).toISOString().slice(0, 19),
    BME280: { Temperature: 20.9, Humidity: 44.1, DewPoint: 8.2, Pressure: 1013.2 },
    TempUnit: 'C',
  });
  const gateway = bytes(
    Object.fromEntries(
      Array.from({ length: GATEWAY_DEVICES }, (_, i) => [
        `device-${i}`,
        [{ ts: now, values: { temperature: 20.9, humidity: 44.1, pressure: 1013.2 } }],
      ]),
    ),
  );
  const map = (topic: string, payload: Buffer, expected: number) => (): void => {
    const mapped = mappings.map({ topic, payload, client: 'sender', receivedAt: now, retained: false });
    const batches = batchesOf(mapped?.readings ?? [], mappings.limits);
    if (batches.length !== expected) throw new Error(`${topic}: ${batches.length} records, not ${expected}`);
  };
  return {
    nativeMicros: microsOf(() => {
      if (admit(native, now, schemas).accepted === undefined) throw new Error('a native reading was refused');
    }),
    tasmotaMicros: microsOf(map('tele/sender/SENSOR', tasmota, 1)),
    thingsboardGatewayMicros: microsOf(map('v1/gateway/telemetry', gateway, GATEWAY_DEVICES)),
  };
}

const bytes = (message: unknown): Buffer => Buffer.from(JSON.stringify(message));

/** After as long a time of warming up. */
function microsOf(work: () => void): number {
  let micros = 0;
  for (let round = 0; round < 2; round++) {
    const startedAt = performance.now();
    let done = 0;
    do {
      for (let i = 0; i < AT_ONCE; i++) work();
      done += AT_ONCE;
    } while (performance.now() - startedAt < RUN_MS);
    micros = ((performance.now() - startedAt) * 1000) / done;
  }
  return micros;
}
