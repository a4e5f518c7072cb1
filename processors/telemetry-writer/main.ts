import { Command } from 'commander';
import { openEventLog } from '#event-log/open-event-log.ts';
import { commandIo, runCommand } from '#runtime/command-line.ts';
import { runService } from '#runtime/run-service.ts';
import { setUpService } from '#runtime/service-setup.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { assertSharedServices, startProcessors } from './processors-service.ts';

const program = new Command('processors')
  .usage('')
  .description(
    'Writes readings from Kafka into InfluxDB. Start as many as needed: they share the partitions.\n' +
      'Configured by the environment (docs/configuration.md): KAFKA_BROKERS, INFLUX_URL, INFLUX_TOKEN, INFLUX_ORG, INFLUX_BUCKET, …',
  )
  .action(async () => {
    const { settings, schemas, deps } = await setUpService('processors', process.env);
    assertSharedServices(settings);
    await runService(deps.log, process, async () => {
      const eventLog = await openEventLog(settings, 'owner', deps);
      const store = await openTelemetryStore(settings, 'owner', deps);
      return startProcessors(settings, { eventLog, store, schemas }, deps);
    });
  });

process.exitCode = await runCommand(program, commandIo(process), { code: 0 });
