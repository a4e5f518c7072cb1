import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command, Option } from 'commander';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandOutcome, runCommand, wholeNumber } from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';
import { processIo } from '#runtime/process-io.ts';
import { compare, type Ratio, type Round, runRound } from './against.ts';
import { describeMachine, loadNow } from './machine.ts';
import { kindOf, planOf } from './plan.ts';
import { ratePlots } from './rate-plots.ts';
import { formatRatios, formatReport, mediansOf } from './report.ts';
import { ResultBook } from './result-book.ts';
import { type Missing, runMeasurements } from './run-measurements.ts';
import { startParts } from './start-parts.ts';

interface Options {
  readonly rounds: number;
  readonly real?: boolean;
  readonly peer?: boolean;
  readonly json?: boolean;
  readonly only?: string;
  readonly against?: string;
  readonly plot?: string;
  readonly write?: boolean;
  readonly resume?: boolean;
}

const ROOT = path.resolve(import.meta.dirname, '..');
const io = processIo(process);
const outcome: CommandOutcome = { code: 0 };
const say = (line: string): void => void io.stderr.write(`${line}\n`);
const program = addExamples(new Command('bench'), '--rounds 5 --real', '--only embedded --json')
  .description(
    'Throughput, PUBACK latency, CPU time, memory and drain rate, load and services on this machine (docs/benchmarks.md says\n' +
      'how). Every measurement runs once per round, beside the others of its kind; the median over the rounds is reported, and\n' +
      'between what they lay. Exits 1 when something could not be measured. Needs Linux.',
  )
  .option('--rounds <n>', 'how often', wholeNumber(1, 99), 3)
  .option('--real', 'also on real Kafka (one broker) and InfluxDB, started for it')
  .addOption(
    new Option(
      '--peer',
      'also mosquitto and Telegraf on the same load; builds Telegraf once. With --real',
    ).implies({ real: true }),
  )
  .option('--only <text>', 'measurements whose name holds this')
  .option('--json', 'the medians (or the ratios) as one line of JSON, the last one')
  .option(
    '--plot <folder>',
    'PUBACK and age at storage against the rate, an SVG for each pipeline of which "rates" was measured',
  )
  .addOption(
    new Option(
      '--write',
      'put each result into docs/benchmarks.md as soon as it is there, and the plots beside it',
    ).conflicts('against'),
  )
  .addOption(
    new Option('--resume', 'measure only what --write has not written yet of this commit on this machine')
      .implies({ write: true })
      .conflicts('against'),
  )
  .option('--against <directory>', 'alternate with the benchmark of another checkout, and print ratios')
  .action(async (options: Options) => {
    const { against } = options;
    await (against === undefined ? measureHere(options) : measureAgainst(path.resolve(against), options));
  });

async function measureHere({ rounds, real, peer, only, json, plot, write, resume }: Options): Promise<void> {
  // Before this benchmark is what it is busy with.
  const where = { machine: describeMachine(ROOT), load: loadNow() };
  const command = ['npm run bench --', ...io.argv.map(quoted)].join(' ');
  const book = new ResultBook(path.join(ROOT, 'docs'), { command, at: new Date().toISOString(), ...where });
  const earlier = resume === true ? book.measured() : new Map<string, never>();
  await using services = new AsyncDisposableStack();
  const wanted = { real: real === true, peer: peer === true };
  const { parts, missing } = await startParts(services, wanted, io.signal, say);
  const measurements = planOf(parts).filter(({ name }) => only === undefined || name.includes(only));
  if (measurements.length + missing.length === 0)
    throw new PipelineError('usage', `--only ${only}: no measurement has that in its name`);
  if (write) book.assertPlaces(measurements.map(({ name }) => kindOf(name)));
  const measured = await runMeasurements(measurements, rounds, earlier, {
    say,
    signal: io.signal,
    now: () => performance.now(),
    measured: (name, runs) => {
      if (write) book.write(name, runs);
    },
  });
  const medians = mediansOf(measured.runs);
  io.stdout.write(`${where.machine}, load ${where.load}\n${formatReport(measured.runs)}`);
  if (plot !== undefined) {
    for (const { file, svg } of ratePlots(medians)) writeFileSync(path.join(plot, file), svg);
  }
  tellMissing([...missing, ...measured.missing]);
  if (json) io.stdout.write(`${JSON.stringify(Object.fromEntries(medians))}\n`);
}

function tellMissing(missing: readonly Missing[]): void {
  if (missing.length === 0) return;
  say('Not measured:');
  for (const { name, why } of missing) say(`  ${name}: ${why}`);
  outcome.code = 1;
}

function quoted(word: string): string {
  return word.includes(' ') ? `"${word}"` : word;
}

async function measureAgainst(directory: string, { rounds, real, only, json }: Options): Promise<void> {
  const which = [...(real ? ['--real'] : []), ...(only === undefined ? [] : ['--only', only])];
  const ratios = await alternate(directory, rounds, which);
  io.stdout.write(formatRatios(ratios));
  if (json) io.stdout.write(`${JSON.stringify(ratios)}\n`);
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

process.exitCode = await runCommand(program, io, outcome);
