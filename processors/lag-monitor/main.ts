import { Command } from 'commander';
import { Registry } from 'prom-client';
import { openEventLog } from '#event-log/open-event-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { runCommand } from '#runtime/command-line.ts';
import { createCommandLog } from '#runtime/command-log.ts';
import { settingsOfCommand } from '#runtime/command-settings.ts';
import { PipelineError } from '#runtime/errors.ts';
import { processIo } from '#runtime/process-io.ts';
import { runService } from '#runtime/run-service.ts';
import { setUpService } from '#runtime/service-setup.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
import { LAG_MONITOR_CHECKS, startLagMonitorService } from './lag-monitor-service.ts';
import { lookOnce, renderLagReport } from './lag-report.ts';

const io = processIo(process);
const program = addExamples(new Command('lag-monitor'), '--once', '--once --json')
  .description(
    'How far the processors are behind, in records and in seconds, also while every processor is dead.\n' +
      'Without options: serves it to Prometheus (needs KAFKA_BROKERS). Configured by the environment\n' +
      '(docs/configuration.md): KAFKA_BROKERS or DATA_DIR, CONSUMER_GROUP, TELEMETRY_TOPIC, …',
  )
  .option('--once', 'look once, print it, end; also beside a running `npm start`')
  .option('--json', 'with --once: one JSON object')
  .action(async (options: { once?: true; json?: true }) => {
    if (options.once) {
      const settings = settingsOfCommand(io);
      const log = createCommandLog('lag-monitor', io.env, io.stderr);
      const deps = { log, metrics: new Registry(), now: Date.now, random: Math.random };
      await using eventLog = await openEventLog(settings, 'beside', deps);
      const target = { topic: settings.topics.telemetry, group: settings.consumerGroup };
      const report = await lookOnce(target, eventLog, Date.now);
      io.stdout.write(options.json ? `${terminalJson(report)}\n` : renderLagReport(report));
      return;
    }
    if (options.json) throw new PipelineError('usage', '--json: expected together with --once');
    const { settings, contract, deps } = await setUpService('lag-monitor', io.env, LAG_MONITOR_CHECKS);
    await runService(deps.log, io, async () => {
      return startLagMonitorService(settings, await openEventLog(settings, 'beside', deps), {
        ...deps,
        contract,
      });
    });
  });

process.exitCode = await runCommand(program, io, { code: 0 });
