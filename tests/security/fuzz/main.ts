import { Command, InvalidArgumentError } from 'commander';
import { AttackedPipeline } from '#tests/security/attacked-pipeline.ts';
import { fuzz } from './fuzz.ts';

const PATIENCE_MS = 60_000;

function number(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('a number above 0');
  return value;
}

const program = new Command('fuzz')
  .description(
    'Sends hostile packets, frames, payloads and requests to a pipeline of its own, with good devices beside.',
  )
  .option('--seed <n>', 'the same seed sends the same', number, Math.floor(Math.random() * 2 ** 31))
  .option('--minutes <n>', 'how long', number, 2)
  .option('--packets <n>', 'ends when so many were sent', number, Infinity)
  .option('--json', 'one line of JSON')
  .parse();
const { seed, minutes, packets, json } = program.opts<{
  seed: number;
  minutes: number;
  packets: number;
  json?: boolean;
}>();

process.stderr.write(`seed ${seed}\n`);
await using pipeline = await AttackedPipeline.start({ goodDevices: 50, rate: 2 });
const sent = await fuzz(pipeline.target, { seed, durationMs: minutes * 60_000, packets });
const { due, acknowledged } = await pipeline.fleet.experience();
const lost = await pipeline.fleet.finish(PATIENCE_MS);
const alive = await pipeline.isReady();
const booksClose = alive && (await pipeline.booksClose());
const report = { seed, packets: sent, alive, booksClose, goodShare: acknowledged / due, lost };
process.stdout.write(
  json
    ? `${JSON.stringify(report)}\n`
    : `${Object.entries(report)
        .map(([name, value]) => `${name} ${value}`)
        .join('\n')}\n`,
);
if (!alive) process.stderr.write(pipeline.output);
process.exitCode = alive && booksClose && lost === 0 ? 0 : 1;
