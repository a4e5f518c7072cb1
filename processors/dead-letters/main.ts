import { Registry } from 'prom-client';
import { openEventLog } from '#event-log/open-event-log.ts';
import { createCommandLog } from '#runtime/command-log.ts';
import { processIo } from '#runtime/process-io.ts';
import { runDeadLetters } from './command.ts';

const io = processIo(process);
const deps = {
  log: createCommandLog('dlq', io.env, io.stderr),
  metrics: new Registry(),
  now: Date.now,
  random: Math.random,
};

process.exitCode = await runDeadLetters(io, {
  now: Date.now,
  openLog: (settings) => openEventLog(settings, 'beside', deps),
});
