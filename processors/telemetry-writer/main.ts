import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { openEventLog } from '#event-log/open-event-log.ts';
import { runCommand } from '#runtime/command-line.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { createLogger } from '#runtime/logger.ts';
import { runService } from '#runtime/run-service.ts';
import { readSettings } from '#runtime/settings.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { assertSharedServices, startProcessors } from './processors-service.ts';

const program = new Command('processors')
  .usage('')
  .description(
    'Writes readings from Kafka into InfluxDB. Start as many as needed: they share the partitions.\n' +
      'Configured by the environment (docs/configuration.md): KAFKA_BROKERS, INFLUX_URL, INFLUX_TOKEN, INFLUX_ORG, INFLUX_BUCKET, …',
  )
  .action(async () => {
    const { settings, warnings } = readSettings(process.env, (path) => readFileSync(path, 'utf8'));
    assertSharedServices(settings);
    const log = createLogger({ name: 'processors', level: settings.logLevel });
    for (const warning of warnings) log.warn(warning);
    await runService(log, process, async () => {
      const metrics = new Registry();
      collectDefaultMetrics({ register: metrics });
      const deps = { log, metrics, now: Date.now, random: Math.random };
      const schemas = loadSchemas(settings.schemaDir);
      const eventLog = await openEventLog(settings, 'owner', deps);
      const store = await openTelemetryStore(settings, 'owner', deps);
      return startProcessors(settings, { eventLog, store, schemas }, deps);
    });
  });

const { argv, env, stdout, stderr } = process;
const io = { argv: argv.slice(2), env, stdout, stderr, signal: new AbortController().signal };
process.exitCode = await runCommand(program, io, { code: 0 });
