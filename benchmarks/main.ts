import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command, Option } from 'commander';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandOutcome, runCommand, wholeNumber } from '#runtime/command-line.ts';
import { describeError } from '#runtime/errors.ts';
import { processIo } from '#runtime/process-io.ts';
import { startInfluxDb } from '#services/influxdb.ts';
import { startKafka } from '#services/kafka.ts';
import { isOnPath } from '#services/tools.ts';
import { compare, type Ratio, type Round, runRound } from './against.ts';
import { describeMachine } from './machine.ts';
import type { Figures } from './measurements.ts';
import { telegrafCommand } from './peer/telegraf.ts';
import { type Parts, planOf } from './plan.ts';
import { ratePlots } from './rate-plots.ts';
import { formatRatios, formatReport, mediansOf } from './report.ts';
import { assertPlaces, kindOf, writeResults } from './written-results.ts';

interface Options {
  readonly rounds: number;
  readonly real?: boolean;
  readonly peer?: boolean;
  readonly json?: boolean;
  readonly only?: string;
  readonly against?: string;
  readonly plot?: string;
  readonly write?: boolean;
}

const ROOT = path.resolve(import.meta.dirname, '..');
const DOCUMENT = path.join(ROOT, 'docs', 'benchmarks.md');
const io = processIo(process);
const outcome: CommandOutcome = { code: 0 };
const say = (line: string): void => void io.stderr.write(`${line}\n`);
const program = addExamples(new Command('bench'), '--rounds 5 --real', '--only embedded --json')
  .description(
    'Throughput, PUBACK latency, CPU time, memory and drain rate, load and services on this machine (docs/benchmarks.md says\n' +
      'how). Every measurement runs once per round, side by side; the median over the rounds is reported, and between what\n' +
      'they lay. Needs Linux.',
  )
  .option('--rounds <n>', 'how often', wholeNumber(1, 99), 3)
  .option('--real', 'also on real Kafka (one broker) and InfluxDB, started for it')
  .option('--peer', 'also mosquitto and Telegraf on the same load; builds Telegraf once. Needs --real')
  .option('--only <text>', 'measurements whose name holds this')
  .option('--json', 'the medians (or the ratios) as one line of JSON, the last one')
  .option(
    '--plot <folder>',
    'PUBACK and age at storage against the rate, an SVG for each pipeline of which "rates" was measured',
  )
  .addOption(
    new Option(
      '--write',
      'put the tables of what is measured into docs/benchmarks.md, and the plots beside it',
    ).conflicts('against'),
  )
  .option('--against <directory>', 'alternate with the benchmark of another checkout, and print ratios')
  .action(
    async ({
      rounds,
      real,
      peer,
      only,
      json,
      against,
      write,
      plot = write ? path.dirname(DOCUMENT) : undefined,
    }: Options) => {
      if (against !== undefined) {
        const which = [...(real ? ['--real'] : []), ...(only === undefined ? [] : ['--only', only])];
        const ratios = await alternate(path.resolve(against), rounds, which);
        io.stdout.write(formatRatios(ratios));
        if (json) io.stdout.write(`${JSON.stringify(ratios)}\n`);
        return;
      }
      await using services = new AsyncDisposableStack();
      const parts = real ? await startServices(services, peer === true) : { signal: io.signal };
      const measurements = planOf(parts).filter(({ name }) => only === undefined || name.includes(only));
      if (write)
        assertPlaces(
          readFileSync(DOCUMENT, 'utf8'),
          measurements.map(({ name }) => kindOf(name)),
        );
      // Before this benchmark is what it is busy with.
      const machine = describeMachine(ROOT);
      const runs = new Map(measurements.map(({ name }) => [name, [] as Figures[]]));
      for (let round = 1; round <= rounds; round++) {
        for (const { name, measure } of measurements) {
          say(`round ${round}/${rounds}: ${name}`);
          runs.get(name)?.push(await measure());
        }
      }
      const medians = mediansOf(runs);
      io.stdout.write(`${machine}\n${formatReport(runs)}`);
      if (plot !== undefined) {
        for (const { file, svg } of ratePlots(medians)) writeFileSync(path.join(plot, file), svg);
      }
      if (write) {
        const command = ['npm run bench --', ...io.argv.map(quoted)].join(' ');
        const whence = { command, rounds, machine, at: Date.now() };
        // Read again: whoever writes in it meanwhile keeps that.
        writeFileSync(DOCUMENT, writeResults(readFileSync(DOCUMENT, 'utf8'), runs, whence));
        say(`written into ${path.relative(process.cwd(), DOCUMENT)}`);
      }
      if (json) io.stdout.write(`${JSON.stringify(Object.fromEntries(medians))}\n`);
    },
  );

function quoted(word: string): string {
  return word.includes(' ') ? `"${word}"` : word;
}

/** Round by round, each side first in every other one: what the machine does meanwhile is shared fairly. */
async function alternate(directory: string, rounds: number, which: readonly string[]): Promise<Ratio[]> {
  const runs = new Map<string, Round[]>([
    [ROOT, []],
    [directory, []],
  ]);
  for (let round = 1; round <= rounds; round++) {
    for (const side of round % 2 === 1 ? [ROOT, directory] : [directory, ROOT]) {
      say(`round ${round}/${rounds}: ${side}`);
      runs.get(side)?.push(await runRound(side, which, io.signal));
    }
  }
  return compare(runs.get(ROOT) ?? [], runs.get(directory) ?? []);
}

async function startServices(stack: AsyncDisposableStack, wantsPeer: boolean): Promise<Parts> {
  const kafka = stack.use(await startKafka({ brokers: 1 }));
  const influxDb = stack.use(await startInfluxDb());
  const telegraf = wantsPeer ? await telegrafOrWhyNot() : undefined;
  return {
    signal: io.signal,
    real: {
      env: {
        KAFKA_BROKERS: kafka.brokers.join(),
        INFLUX_URL: influxDb.url,
        INFLUX_TOKEN: influxDb.token,
        INFLUX_ORG: influxDb.org,
        INFLUX_BUCKET: influxDb.bucket,
      },
      pids: { kafka: kafka.node(0).pid, influxDb: influxDb.pid },
      signal: io.signal,
    },
    peer: telegraf === undefined ? undefined : { telegraf, kafka, influxDb },
  };
}

async function telegrafOrWhyNot(): Promise<string | undefined> {
  try {
    if (!(await isOnPath('mosquitto'))) throw new Error('mosquitto is missing (apt-get install mosquitto)');
    return await telegrafCommand(say);
  } catch (error) {
    say(`the peer is left out: ${describeError(error)}`);
    return undefined;
  }
}

process.exitCode = await runCommand(program, io, outcome);
