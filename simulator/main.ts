import { openEventLog } from '#event-log/open-event-log.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { simulateCommand } from './command.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted.abort();
    process.once(signal, () => process.exit(1));
  });
}

const { argv, env, stdout, stderr } = process;
const io = { argv: argv.slice(2), env, stdout, stderr, signal: interrupted.signal };
process.exitCode = await simulateCommand(io, {
  openLog: (settings, deps) => openEventLog(settings, 'beside', deps),
  openStore: (settings, deps) => openTelemetryStore(settings, 'beside', deps),
  now: Date.now,
  random: Math.random,
});
