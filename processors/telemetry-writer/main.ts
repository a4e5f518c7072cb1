import { Command } from 'commander';
import { openEventLog } from '#event-log/open-event-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { runCommand } from '#runtime/command-line.ts';
import { processIo } from '#runtime/process-io.ts';
import { runService } from '#runtime/run-service.ts';
import { setUpService } from '#runtime/service-setup.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { PROCESSORS_CHECKS, startProcessors } from './processors-service.ts';

const io = processIo(process);
const program = addExamples(
  new Command('processors'),
  'KAFKA_BROKERS=kafka-1:9092 INFLUX_URL=… npm run processors',
)
  .usage('')
  .description(
    'Writes readings from Kafka into InfluxDB. Start as many as needed: they share the partitions.\n' +
      'Configured by the environment (docs/configuration.md): KAFKA_BROKERS, INFLUX_URL, INFLUX_TOKEN, INFLUX_ORG, INFLUX_BUCKET, …',
  )
  .action(async () => {
    const { settings, contract, deps } = await setUpService('processors', io.env, PROCESSORS_CHECKS);
    await runService(deps.log, io, async () => {
      const eventLog = await openEventLog(settings, 'owner', deps);
      const store = await openTelemetryStore(settings, 'owner', deps);
      return startProcessors(settings, { eventLog, store, contract }, deps);
    });
  });

process.exitCode = await runCommand(program, io, { code: 0 });
