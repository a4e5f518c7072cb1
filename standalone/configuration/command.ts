import { Command, Option } from 'commander';
import { CONSOLE_CHECKS } from '#console/server/console-service.ts';
import { GATEWAY_SERVICE_CHECKS } from '#ingest-gateway/gateway-service.ts';
import { SOURCE_SERVICE_CHECKS } from '#ingest-gateway/source/source-service.ts';
import { LAG_MONITOR_CHECKS } from '#processors/lag-monitor/lag-monitor-service.ts';
import { PROCESSORS_CHECKS } from '#processors/telemetry-writer/processors-service.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, runCommand } from '#runtime/command-line.ts';
import { warn } from '#runtime/command-settings.ts';
import type { ConfigurationCheck } from '#runtime/configuration.ts';
import { describeError, hasCode, PipelineError } from '#runtime/errors.ts';
import { readText } from '#runtime/read-text.ts';
import { readSettingsAndContract } from '#runtime/service-setup.ts';
import { draftSettings } from '#runtime/settings.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
import { plainTable } from '#runtime/text-output.ts';
import { PIPELINE_CHECKS } from '#standalone/pipeline.ts';
import { PROCESS_NAMES, type ProcessName, processesOf, variablesInForce } from './in-force.ts';

const CHECKS: Readonly<Record<ProcessName, readonly ConfigurationCheck[]>> = {
  standalone: PIPELINE_CHECKS,
  gateway: GATEWAY_SERVICE_CHECKS,
  'mqtt-source': SOURCE_SERVICE_CHECKS,
  processors: PROCESSORS_CHECKS,
  'lag-monitor': LAG_MONITOR_CHECKS,
  console: CONSOLE_CHECKS,
};

interface Options {
  readonly for?: readonly ProcessName[];
  readonly here?: true;
  readonly json?: true;
}

/** `npm run config`: what the environment says, without starting anything. Returns the exit code. */
export async function runConfig(io: CommandIo): Promise<number> {
  const program = new Command('config')
    .usage('<command> [options]')
    .description('What the environment says, as the processes would understand it (docs/configuration.md).');
  const forProcesses = () =>
    new Option(
      '--for <process...>',
      'of these processes (default: standalone, or with KAFKA_BROKERS gateway, processors, lag-monitor, mqtt-source with MQTT_SOURCE_URL, console with CONSOLE_TARGETS)',
    ).choices(PROCESS_NAMES);

  addExamples(program.command('check'), '', '--for gateway --here')
    .description(
      'Check variables, the files that they name, schemas and mappings. Exit code 2: something is wrong, all of it is told.\n' +
        'Changes nothing, and may run beside a running pipeline.',
    )
    .addOption(forProcesses())
    .option('--here', 'also what holds on this machine now: ports are free, DATA_DIR can be made and written')
    .option('--json', 'one JSON object {"ok", "processes", "problems", "warnings"}')
    .action(async (options: Options) => {
      const processes = options.for ?? processesOf(io.env);
      const { problems, warnings } = await check(processes, options.here === true, io.env);
      if (options.json) {
        io.stdout.write(`${terminalJson({ ok: problems.length === 0, processes, problems, warnings })}\n`);
      } else warn(io, warnings);
      if (problems.length > 0) throw new PipelineError('configuration', problems.join('\n'));
      if (!options.json) io.stdout.write(`All good: ${processes.join(', ')}.\n`);
    });

  addExamples(program.command('show'), '', '--for gateway processors')
    .description(
      'What is in force, from where, and which processes read it; secrets are hidden. Exit code 2: something is wrong.',
    )
    .addOption(forProcesses())
    .option('--json', 'one JSON object {"processes", "variables": [{"name", "value", "from", "readBy"}]}')
    .action(async (options: Options) => {
      const processes = options.for ?? processesOf(io.env);
      const { problems } = await check(processes, false, io.env);
      if (problems.length > 0) throw new PipelineError('configuration', problems.join('\n'));
      const { settings } = await readSettingsAndContract(io.env);
      const variables = variablesInForce(io.env, settings, processes);
      if (options.json) io.stdout.write(`${terminalJson({ processes, variables })}\n`);
      else {
        // What may be long is the last: it moves nothing else.
        const rows = variables.map(({ name, value, from, readBy }) => [
          name,
          from,
          readBy.length === processes.length ? 'all' : readBy.join(', '),
          value ?? '–',
        ]);
        io.stdout.write(plainTable(['VARIABLE', 'FROM', 'READ BY', 'IN FORCE'], rows));
      }
    });
  return runCommand(program, io, { code: 0 });
}

/** Every problem of every process, each once. */
async function check(
  processes: readonly ProcessName[],
  here: boolean,
  env: CommandIo['env'],
): Promise<{ readonly problems: readonly string[]; readonly warnings: readonly string[] }> {
  const problems = new Set<string>();
  const { warnings } = draftSettings(env, readText);
  for (const name of processes) {
    try {
      await readSettingsAndContract(
        env,
        CHECKS[name].filter(({ ofThisMachine }) => here || ofThisMachine !== true),
      );
    } catch (error) {
      if (!hasCode(error, 'configuration')) throw error;
      for (const line of describeError(error).split('\n')) problems.add(line);
    }
  }
  for (const warning of warnings) problems.delete(warning);
  return { problems: [...problems], warnings };
}
