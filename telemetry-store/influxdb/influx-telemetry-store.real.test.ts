import { randomBytes } from 'node:crypto';
import { describe, inject } from 'vitest';
import { createLogger } from '#runtime/logger.ts';
import { influxDbApi } from '#services/influxdb-api.ts';
import { required } from '#services/provide.ts';
import { RETENTION_DAYS } from '#telemetry-store/suite/store-under-test.ts';
import { describeTelemetryStore } from '#telemetry-store/telemetry-store.suite.ts';
import { openInfluxTelemetryStore } from './influx-telemetry-store.ts';

const deps = { log: createLogger({ name: 'test', level: 'silent' }), now: () => Date.now() };
const influxdb = inject('influxdb');

describe.skipIf('missing' in influxdb)('real InfluxDB', () => {
  describeTelemetryStore(
    'InfluxDB',
    async () => {
      const address = required(influxdb);
      const bucket = `suite-${randomBytes(6).toString('hex')}`;
      await influxDbApi(address).createBucket(bucket, { retentionSeconds: RETENTION_DAYS * 24 * 60 * 60 });
      // As to a server elsewhere; the other real tests write as to one on this machine.
      const open = () => openInfluxTelemetryStore({ ...address, bucket, compress: true }, deps);
      return { store: open(), openBeside: async () => open(), dispose: async () => {} };
    },
    { histories: 15 },
  );
});
