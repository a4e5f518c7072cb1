import { Registry } from 'prom-client';
import { createLogger } from '#runtime/logger.ts';
import { processIo } from '#runtime/process-io.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { runSchemas } from './command.ts';

const io = processIo(process);
process.exitCode = await runSchemas(io, (settings) =>
  openTelemetryStore(settings, 'beside', {
    log: createLogger({ name: 'schemas', level: 'error' }, io.stderr),
    metrics: new Registry(),
    now: Date.now,
    random: Math.random,
  }),
);
