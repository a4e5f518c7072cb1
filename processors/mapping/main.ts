import { readFileSync } from 'node:fs';
import { processIo } from '#runtime/process-io.ts';
import { runMapping } from './command.ts';

process.exitCode = await runMapping(processIo(process), {
  now: Date.now,
  readFile: (file) => readFileSync(file),
});
