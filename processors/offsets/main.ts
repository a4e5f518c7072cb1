import { Registry } from 'prom-client';
import { openEventLog } from '#event-log/open-event-log.ts';
import { createCommandLog } from '#runtime/command-log.ts';
import { processIo } from '#runtime/process-io.ts';
import { runOffsets } from './command.ts';

const io = processIo(process);
const deps = {
  log: createCommandLog('offsets', io.env, io.stderr),
  metrics: new Registry(),
  now: Date.now,
  random: Math.random,
};

process.exitCode = await runOffsets(io, {
  now: Date.now,
  openLog: (settings) => openEventLog(settings, 'beside', deps),
});
