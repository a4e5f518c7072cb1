import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { openEventLog } from '#event-log/open-event-log.ts';
import { createLogger, LOG_LEVELS } from '#runtime/logger.ts';
import { processIo } from '#runtime/process-io.ts';
import { runMapping } from './command.ts';

// The output is for the person who asked; logs go beside it, and only when something is wrong.
const level = LOG_LEVELS.find((known) => known === process.env['LOG_LEVEL']) ?? 'warn';
const deps = {
  log: createLogger({ name: 'mapping', level }, process.stderr),
  metrics: new Registry(),
  now: Date.now,
  random: Math.random,
};

process.exitCode = await runMapping(processIo(process), {
  now: Date.now,
  readFile: (file) => readFileSync(file),
  openLog: (settings) => openEventLog(settings, 'beside', deps),
});
