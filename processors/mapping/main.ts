import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { openEventLog } from '#event-log/open-event-log.ts';
import { createCommandLog } from '#runtime/command-log.ts';
import { processIo } from '#runtime/process-io.ts';
import { runMapping } from './command.ts';

const io = processIo(process);
const deps = {
  log: createCommandLog('mapping', io.env, io.stderr),
  metrics: new Registry(),
  now: Date.now,
  random: Math.random,
};

process.exitCode = await runMapping(io, {
  now: Date.now,
  readFile: (file) => readFileSync(file),
  openLog: (settings) => openEventLog(settings, 'beside', deps),
});
