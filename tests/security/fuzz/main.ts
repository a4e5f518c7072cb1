import { Command } from 'commander';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandOutcome, decimalNumber, runCommand, wholeNumber } from '#runtime/command-line.ts';
import { processIo } from '#runtime/process-io.ts';
import { AttackedPipeline } from '#tests/security/attacked-pipeline.ts';
import { FUZZED, fuzz } from './fuzz.ts';

const PATIENCE_MS = 60_000;
const SEEDS = 2 ** 31;

interface Options {
  readonly seed?: number;
  readonly minutes: number;
  readonly packets?: number;
  readonly json?: true;
}

const io = processIo(process);
const outcome: CommandOutcome = { code: 0 };
const program = addExamples(new Command('fuzz'), '--minutes 10', '--seed 42 --packets 100000')
  .description(
    'Sends hostile packets, frames, payloads and requests to a pipeline of its own, with good devices beside.',
  )
  .option('--seed <n>', 'the same seed sends the same (default: drawn)', wholeNumber(0, SEEDS - 1))
  .option('--minutes <n>', 'how long', decimalNumber(0.01, 100_000), 2)
  .option('--packets <n>', 'ends when so many were sent (default: never)', wholeNumber(1))
  .option('--json', 'one line of JSON')
  .action(async (options: Options) => {
    const { seed = Math.floor(Math.random() * SEEDS), packets = Infinity, minutes, json } = options;
    io.stderr.write(`seed ${seed}\n`);
    await using pipeline = await AttackedPipeline.start({ goodDevices: 50, rate: 2, env: FUZZED });
    const sent = await fuzz(pipeline.target, { seed, durationMs: minutes * 60_000, packets });
    const { due, acknowledged } = await pipeline.fleet.experience();
    const lost = await pipeline.fleet.finish(PATIENCE_MS);
    const alive = await pipeline.isReady();
    const booksClose = alive && (await pipeline.booksClose());
    const report = { seed, packets: sent, alive, booksClose, goodShare: acknowledged / due, lost };
    const lines = Object.entries(report).map(([name, value]) => `${name} ${value}`);
    io.stdout.write(json ? `${JSON.stringify(report)}\n` : `${lines.join('\n')}\n`);
    if (!alive) io.stderr.write(pipeline.output);
    if (!alive || !booksClose || lost > 0) outcome.code = 1;
  });
process.exitCode = await runCommand(program, io, outcome);
