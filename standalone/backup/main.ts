import { processIo } from '#runtime/process-io.ts';
import { runBackup } from './command.ts';

process.exitCode = await runBackup(processIo(process), Date.now);
