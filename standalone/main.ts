import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { openEventLog } from '#event-log/open-event-log.ts';
import { runCommand, wholeNumber } from '#runtime/command-line.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { createLogger } from '#runtime/logger.ts';
import { type RunningService, runService } from '#runtime/run-service.ts';
import { readSettings } from '#runtime/settings.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { type Pipeline, startPipeline } from './pipeline.ts';
import { simulateDevices } from './simulated-devices.ts';
import { LiveStatus, statusLine } from './status-line.ts';
import { terminalLog } from './terminal-log.ts';

const program = new Command('npm start --')
  .usage('[options]')
  .description(
    'The whole pipeline in one process: MQTT in, an embedded event log, an embedded store, HTTP for health, metrics and readings.\n' +
      'KAFKA_BROKERS makes Kafka the log, INFLUX_URL makes InfluxDB the store; docs/configuration.md lists all variables.',
  )
  .option(
    '--simulate <devices>',
    'also run this many simulated devices, one message a second each',
    wholeNumber(1, 10_000),
  )
  .action(async (options: { simulate?: number }) => {
    const { settings, warnings } = readSettings(process.env, (path) => readFileSync(path, 'utf8'));
    let pipeline: Pipeline | undefined;
    let totals = {
      atMs: Date.now(),
      connectedDevices: 0,
      decodedReadings: 0,
      storedReadings: 0,
      deadLetters: 0,
      lagRecords: 0,
    };
    using live = new LiveStatus(process.stdout, () => {
      const before = totals;
      totals = pipeline?.totals() ?? totals;
      return statusLine(before, totals);
    });
    const log = createLogger(
      { name: 'standalone', level: settings.logLevel },
      terminalLog(process.stdout.isTTY, live),
    );
    for (const warning of warnings) log.warn(warning);
    await runService(log, process, async (): Promise<RunningService> => {
      const metrics = new Registry();
      collectDefaultMetrics({ register: metrics });
      const deps = { log, metrics, now: Date.now, random: Math.random };
      const schemas = loadSchemas(settings.schemaDir);
      await using opened = new AsyncDisposableStack();
      const eventLog = opened.use(await openEventLog(settings, 'owner', deps));
      const store = opened.use(await openTelemetryStore(settings, 'owner', deps));
      pipeline = await startPipeline(settings, { eventLog, store, schemas }, deps);
      opened.move();
      const { failed, stop, mqttPort, httpPort } = pipeline;
      log.info(
        { mqtt: `mqtt://127.0.0.1:${mqttPort}`, http: `http://127.0.0.1:${httpPort}` },
        'the pipeline runs',
      );
      const fleet =
        options.simulate === undefined
          ? undefined
          : simulateDevices({ devices: options.simulate, mqttPort, schemas }, deps);
      return {
        failed,
        stop: async () => {
          // The line would stand in the shell's prompt.
          live[Symbol.dispose]();
          await fleet?.stop(0);
          await stop();
        },
      };
    });
  });

const { argv, env, stdout, stderr } = process;
const io = { argv: argv.slice(2), env, stdout, stderr, signal: new AbortController().signal };
process.exitCode = await runCommand(program, io, { code: 0 });
