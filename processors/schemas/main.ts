import { Registry } from 'prom-client';
import { createCommandLog } from '#runtime/command-log.ts';
import { processIo } from '#runtime/process-io.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { runSchemas } from './command.ts';

const io = processIo(process);
const deps = {
  log: createCommandLog('schemas', io.env, io.stderr),
  metrics: new Registry(),
  now: Date.now,
  random: Math.random,
};

process.exitCode = await runSchemas(io, (settings) => openTelemetryStore(settings, 'beside', deps));
