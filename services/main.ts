import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandOutcome, runCommand } from '#runtime/command-line.ts';
import { describeError } from '#runtime/errors.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
import { cachedPart, cacheFolder, type Progress } from './cache.ts';
import { influxDbPart } from './influxdb-parts.ts';
import { kafkaPart } from './kafka-parts.ts';
import { mqttClientsPart } from './mqtt-clients.ts';
import { isAlive } from './process-identity.ts';
import { readState } from './state-file.ts';
import { bringUp, SERVICE_NAMES, type ServiceName, takeDown } from './up.ts';

const cacheDir = cacheFolder();
const progress: Progress = (message) => process.stderr.write(`${message}\n`);
const print = (line: string) => process.stdout.write(`${line}\n`);
const outcome: CommandOutcome = { code: 0 };

const program = new Command('services')
  .description('Real Kafka, InfluxDB, Prometheus and Alertmanager on this machine, for work without Docker.')
  .option('--data-dir <folder>', 'data, logs and state of the services', resolve(cacheDir, 'services'))
  .option('--json', 'one JSON object');

addExamples(program.command('up'), '', '--only kafka --brokers 3')
  .description('start them and leave them running: eval "$(npm run --silent services -- up)"')
  .addOption(new Option('--brokers <count>', 'Kafka brokers').choices(['1', '3']).default('1'))
  .option('--only <names>', `separated by commas, of ${SERVICE_NAMES.join(', ')}`, parseNames, [
    ...SERVICE_NAMES,
  ])
  .action((options: { brokers: string; only: ServiceName[] }) =>
    report(async (dataDir) => {
      const { environment = {}, processes } = await bringUp({
        cacheDir,
        progress,
        dataDir,
        brokers: options.brokers === '3' ? 3 : 1,
        only: options.only,
        prometheusConfigDir: resolve(import.meta.dirname, '..', 'prometheus'),
      });
      for (const { name, identity, logFile } of processes) {
        progress(`${name} runs: pid ${identity.pid}, log ${logFile}`);
      }
      const lines = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'`);
      return { lines, json: { ok: true, environment, processes } };
    }),
  );

addExamples(program.command('down'), '', '--delete-data')
  .description('end exactly what "up" started')
  .option('--delete-data', 'and delete the data')
  .action(({ deleteData = false }: { deleteData?: boolean }) =>
    report(async (dataDir) => {
      const ended = await takeDown(dataDir, { deleteData });
      progress(ended.length === 0 ? 'nothing was running' : `ended ${ended.join(', ')}`);
      return { lines: [], json: { ok: true, ended } };
    }),
  );

addExamples(program.command('status'), '')
  .description('what runs; exits 1 unless all that "up" started is alive')
  .action(() =>
    report(async (dataDir) => {
      const state = await readState(dataDir);
      const processes = (state?.processes ?? []).map((record) => ({
        ...record,
        alive: isAlive(record.identity),
      }));
      const ok = processes.length > 0 && processes.every(({ alive }) => alive);
      if (!ok) outcome.code = 1;
      // The token is for `up`, whose output goes to a shell; this output goes to a screen.
      const { INFLUX_TOKEN: _secret, ...environment } = state?.environment ?? {};
      const rows = processes.map(({ name, identity, alive, logFile }) =>
        [name.padEnd(14), alive ? 'runs ' : 'ENDED', `pid ${identity.pid}`.padEnd(12), logFile].join(' '),
      );
      const addresses = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
      const lines = rows.length === 0 ? ['nothing runs'] : [...rows, ...addresses];
      return { lines, json: { ok, processes, environment } };
    }),
  );

addExamples(program.command('build'), '')
  .description(
    'only fill the cache: fetch Kafka, build InfluxDB from source and MQTT clients for the tests (minutes)',
  )
  .action(() =>
    report(async () => {
      const parts = [];
      for (const part of [kafkaPart, influxDbPart, await mqttClientsPart()])
        parts.push(await cachedPart(part, { cacheDir, progress }));
      progress(`ready: ${parts.join(', ')}`);
      return { lines: [], json: { ok: true, parts } };
    }),
  );

/** Runs the work of a command and prints its result for people or, with `--json`, for machines; a failure too. */
async function report(work: (dataDir: string) => Promise<{ lines: string[]; json: object }>): Promise<void> {
  const { dataDir, json: asJson } = program.opts<{ dataDir: string; json?: true }>();
  try {
    const { lines, json } = await work(resolve(dataDir));
    for (const line of asJson ? [terminalJson(json)] : lines) print(line);
  } catch (error) {
    if (asJson) print(terminalJson({ ok: false, error: describeError(error) }));
    throw error;
  }
}

function parseNames(text: string): ServiceName[] {
  return text.split(',').map((word) => {
    const name = SERVICE_NAMES.find((known) => known === word.trim());
    if (name === undefined) throw new InvalidArgumentError(`Known services: ${SERVICE_NAMES.join(', ')}.`);
    return name;
  });
}

process.exitCode = await runCommand(
  program,
  {
    argv: process.argv.slice(2),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: new AbortController().signal,
  },
  outcome,
);
