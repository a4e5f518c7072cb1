import { processIo } from '#runtime/process-io.ts';
import { runConfig } from './command.ts';

process.exitCode = await runConfig(processIo(process));
