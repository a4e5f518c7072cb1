import { Command } from 'commander';
import { openEventLog } from '#event-log/open-event-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { runCommand, wholeNumber } from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';
import { everyProblemAtOnce } from '#runtime/every-problem.ts';
import { processIo } from '#runtime/process-io.ts';
import { type RunningService, runService } from '#runtime/run-service.ts';
import { setUpService } from '#runtime/service-setup.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { nextSteps } from './next-steps.ts';
import { PIPELINE_CHECKS, type Pipeline, startPipeline } from './pipeline.ts';
import { LiveStatus, statusLine } from './status-line.ts';
import { terminalLog } from './terminal-log.ts';

const io = processIo(process);
const program = addExamples(
  new Command('npm start --'),
  '',
  '--simulate 25',
  'INFLUX_URL=… INFLUX_TOKEN=… INFLUX_ORG=… INFLUX_BUCKET=… npm start',
)
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
    let pipeline: Pipeline | undefined;
    let totals = {
      atMs: Date.now(),
      connectedDevices: 0,
      decodedReadings: 0,
      storedReadings: 0,
      deadLetters: 0,
      lagRecords: 0,
    };
    using live = new LiveStatus(io.stdout, () => {
      const before = totals;
      if (pipeline === undefined) return 'starting …';
      totals = pipeline.totals();
      return statusLine(before, totals);
    });
    const { settings, contract, deps } = await setUpService(
      'standalone',
      io.env,
      PIPELINE_CHECKS,
      terminalLog(io, live),
    );
    const { log } = deps;
    await runService(log, io, async (): Promise<RunningService> => {
      await using opened = new AsyncDisposableStack();
      if (options.simulate !== undefined && settings.mqtt.port === undefined)
        throw new PipelineError('configuration', 'MQTT_PORT: expected a port number, for --simulate');
      const [eventLog, store] = await everyProblemAtOnce([
        openEventLog(settings, 'owner', deps),
        openTelemetryStore(settings, 'owner', deps),
      ]);
      opened.use(eventLog);
      opened.use(store);
      pipeline = await startPipeline(settings, { eventLog, store, contract }, deps);
      opened.move();
      const { failed, reload, stop, mqttPort, httpPort } = pipeline;
      log.info(
        {
          mqtt: mqttPort === undefined ? 'off' : `mqtt://127.0.0.1:${mqttPort}`,
          http: `http://127.0.0.1:${httpPort}`,
        },
        'the pipeline runs',
      );
      if (io.stdout.isTTY) live.write(nextSteps({ mqttPort, httpPort, settings, env: io.env }));
      const fleet =
        options.simulate === undefined || mqttPort === undefined
          ? undefined
          : (await import('./simulated-devices.ts')).simulateDevices(
              { devices: options.simulate, mqttPort, schemas: contract.schemas },
              deps,
            );
      return {
        failed,
        reload,
        stop: async () => {
          // The line would stand in the shell's prompt.
          live[Symbol.dispose]();
          await fleet?.stop(0);
          await stop();
        },
      };
    });
  });

process.exitCode = await runCommand(program, io, { code: 0 });
