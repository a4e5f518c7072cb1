import { Registry } from 'prom-client';
import { openEventLog } from '#event-log/open-event-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { processIo } from '#runtime/process-io.ts';
import { runOffsets } from './command.ts';

const deps = {
  log: createLogger({ name: 'offsets', level: 'error' }, process.stderr),
  metrics: new Registry(),
  now: Date.now,
  random: Math.random,
};

process.exitCode = await runOffsets(processIo(process), {
  now: Date.now,
  openLog: (settings) => openEventLog(settings, 'beside', deps),
});
