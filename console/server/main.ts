import { Command } from 'commander';
import { openEventLog } from '#event-log/open-event-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { runCommand } from '#runtime/command-line.ts';
import { everyProblemAtOnce } from '#runtime/every-problem.ts';
import { processIo } from '#runtime/process-io.ts';
import { runService } from '#runtime/run-service.ts';
import { setUpService } from '#runtime/service-setup.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { CONSOLE_CHECKS, startConsoleService } from './console-service.ts';

const io = processIo(process);
const program = addExamples(
  new Command('console'),
  'KAFKA_BROKERS=… CONSOLE_TARGETS=http://gateway-1:8080 npm run console',
)
  .usage('')
  .description(
    'A page to look at a distributed pipeline, and to mend its dead letters. (`npm start` serves its own.)\n' +
      'Configured by the environment (docs/configuration.md): CONSOLE_TARGETS, CONSOLE_PASSWORD, KAFKA_BROKERS, INFLUX_URL, …',
  )
  .action(async () => {
    const { settings, contract, deps } = await setUpService('console', io.env, CONSOLE_CHECKS);
    await runService(deps.log, io, async () => {
      const [eventLog, store] = await everyProblemAtOnce([
        openEventLog(settings, 'beside', deps),
        openTelemetryStore(settings, 'beside', deps),
      ]);
      return startConsoleService(settings, { eventLog, store, contract }, deps);
    });
  });

process.exitCode = await runCommand(program, io, { code: 0 });
