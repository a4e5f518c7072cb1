import { openEventLog } from '#event-log/open-event-log.ts';
import { processIo } from '#runtime/process-io.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { simulateCommand } from './command.ts';

process.exitCode = await simulateCommand(processIo(process), {
  openLog: (settings, deps) => openEventLog(settings, 'beside', deps),
  openStore: (settings, deps) => openTelemetryStore(settings, 'beside', deps),
  now: Date.now,
  random: Math.random,
});
