import { Registry } from 'prom-client';
import { openEventLog } from '#event-log/open-event-log.ts';
import { createCommandLog } from '#runtime/command-log.ts';
import { processIo } from '#runtime/process-io.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { runReprocess } from './command.ts';

const io = processIo(process);
const deps = {
  log: createCommandLog('reprocess', io.env, io.stderr),
  metrics: new Registry(),
  now: Date.now,
  random: Math.random,
};

process.exitCode = await runReprocess(io, {
  openLog: (settings) => openEventLog(settings, 'beside', deps),
  openStore: (settings) => openTelemetryStore(settings, 'guest', deps),
  deps,
});
