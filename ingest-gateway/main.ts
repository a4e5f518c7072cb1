import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Command } from 'commander';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { openEventLog } from '#event-log/open-event-log.ts';
import { runCommand } from '#runtime/command-line.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { createLogger } from '#runtime/logger.ts';
import { runService } from '#runtime/run-service.ts';
import { readSettings } from '#runtime/settings.ts';
import { assertKafka, startGatewayService } from './gateway-service.ts';

const program = new Command('gateway')
  .usage('')
  .description(
    'Takes readings from devices over MQTT into Kafka. Start as many as needed.\n' +
      'Configured by the environment (docs/configuration.md): KAFKA_BROKERS, MQTT_HOST, MQTT_PORT, DEVICE_CREDENTIALS_FILE, …',
  )
  .action(async () => {
    const { settings, warnings } = readSettings(process.env, (path) => readFileSync(path, 'utf8'));
    assertKafka(settings);
    const log = createLogger({ name: 'gateway', level: settings.logLevel });
    for (const warning of warnings) log.warn(warning);
    await runService(log, process, async () => {
      const metrics = new Registry();
      collectDefaultMetrics({ register: metrics });
      const deps = { log, metrics, now: Date.now, random: Math.random };
      const schemas = loadSchemas(settings.schemaDir);
      const eventLog = await openEventLog(settings, 'owner', deps);
      return startGatewayService(settings, `${hostname()}:${process.pid}`, { ...deps, eventLog, schemas });
    });
  });

const { argv, env, stdout, stderr } = process;
const io = { argv: argv.slice(2), env, stdout, stderr, signal: new AbortController().signal };
process.exitCode = await runCommand(program, io, { code: 0 });
