import { hostname } from 'node:os';
import { Command } from 'commander';
import { openEventLog } from '#event-log/open-event-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { runCommand } from '#runtime/command-line.ts';
import { processIo } from '#runtime/process-io.ts';
import { runService } from '#runtime/run-service.ts';
import { setUpService } from '#runtime/service-setup.ts';
import { SOURCE_SERVICE_CHECKS, startSourceService } from './source-service.ts';

const io = processIo(process);
const program = addExamples(
  new Command('mqtt-source'),
  'KAFKA_BROKERS=… MQTT_SOURCE_URL=mqtt://192.0.2.7 npm run mqtt-source',
)
  .usage('')
  .description(
    'Takes readings from MQTT brokers that are there already into Kafka, and acknowledges them when they are durable.\n' +
      'Configured by the environment (docs/configuration.md): KAFKA_BROKERS, MQTT_SOURCE_URL, MQTT_SOURCE_TOPICS, MQTT_SOURCE_CLIENT_ID, …',
  )
  .action(async () => {
    const { settings, contract, deps } = await setUpService('mqtt-source', io.env, SOURCE_SERVICE_CHECKS);
    await runService(deps.log, io, async () => {
      const eventLog = await openEventLog(settings, 'owner', deps);
      return startSourceService(settings, `${hostname()}:${process.pid}`, { ...deps, eventLog, contract });
    });
  });

process.exitCode = await runCommand(program, io, { code: 0 });
