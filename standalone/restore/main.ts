import { processIo } from '#runtime/process-io.ts';
import { runRestore } from '#standalone/backup/command.ts';

process.exitCode = await runRestore(processIo(process), Date.now);
