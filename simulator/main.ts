import { openEventLog } from '#event-log/open-event-log.ts';
import { commandIo } from '#runtime/command-line.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { simulateCommand } from './command.ts';

process.exitCode = await simulateCommand(commandIo(process), {
  openLog: (settings, deps) => openEventLog(settings, 'beside', deps),
  openStore: (settings, deps) => openTelemetryStore(settings, 'beside', deps),
  now: Date.now,
  random: Math.random,
});
