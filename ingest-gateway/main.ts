import { hostname } from 'node:os';
import { Command } from 'commander';
import { openEventLog } from '#event-log/open-event-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { runCommand } from '#runtime/command-line.ts';
import { processIo } from '#runtime/process-io.ts';
import { runService } from '#runtime/run-service.ts';
import { setUpService } from '#runtime/service-setup.ts';
import { GATEWAY_SERVICE_CHECKS, startGatewayService } from './gateway-service.ts';

const io = processIo(process);
const program = addExamples(new Command('gateway'), 'KAFKA_BROKERS=kafka-1:9092 npm run gateway')
  .usage('')
  .description(
    'Takes readings from devices over MQTT into Kafka. Start as many as needed.\n' +
      'Configured by the environment (docs/configuration.md): KAFKA_BROKERS, MQTT_HOST, MQTT_PORT, DEVICE_CREDENTIALS_FILE, …',
  )
  .action(async () => {
    const { settings, contract, deps } = await setUpService('gateway', io.env, GATEWAY_SERVICE_CHECKS);
    await runService(deps.log, io, async () => {
      const eventLog = await openEventLog(settings, 'owner', deps);
      return startGatewayService(settings, `${hostname()}:${process.pid}`, { ...deps, eventLog, contract });
    });
  });

process.exitCode = await runCommand(program, io, { code: 0 });
