import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '#runtime/logger.ts';
import { describeTelemetryStore, RETENTION_DAYS } from '#telemetry-store/telemetry-store.suite.ts';
import { openEmbeddedTelemetryStore } from './embedded-telemetry-store.ts';

const deps = { log: createLogger({ name: 'test', level: 'silent' }), now: () => Date.now() };

describeTelemetryStore(
  'embedded',
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'telemetry-store-'));
    const options = { dataDir, retentionDays: RETENTION_DAYS };
    return {
      store: await openEmbeddedTelemetryStore(options, deps),
      openBeside: () => openEmbeddedTelemetryStore({ ...options, role: 'beside' }, deps),
      dispose: () => rm(dataDir, { recursive: true }),
    };
  },
  { histories: 40 },
);
