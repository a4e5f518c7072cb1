import { Command } from 'commander';
import { ATTACKS } from './attacks/all.ts';
import { drill } from './drill.ts';

const program = new Command('security-drill')
  .description('Attacks a pipeline of its own with good devices beside it, one attack after the other.')
  .option('--only <names...>', `some attacks: ${ATTACKS.map(({ name }) => name).join(', ')}`)
  .option('--seconds <n>', 'how long each attack lasts', Number, 10)
  .option('--after <n>', 'seconds until memory is looked at again', Number, 60)
  .option('--json', 'one line of JSON for each attack');
program.parse();
const { only, seconds, after, json } = program.opts<{
  only?: string[];
  seconds: number;
  after: number;
  json?: boolean;
}>();
for (const attack of ATTACKS.filter(({ name }) => only === undefined || only.includes(name))) {
  const result = await drill(attack, {
    goodDevices: 100,
    rate: 4,
    beforeMs: 6_000,
    attackMs: seconds * 1000,
    afterMs: after * 1000,
  });
  const { during, memory } = result;
  process.stdout.write(
    json
      ? `${JSON.stringify(result)}\n`
      : `${result.attack}: share ${result.shareBefore.toFixed(3)} -> ${result.shareDuring.toFixed(3)}, p50 ${during.p50Ms.toFixed(1)} p99 ${during.p99Ms.toFixed(1)} ms, disconnects ${during.disconnects}, memory ${memory.before.toFixed(0)} / ${memory.peak.toFixed(0)} / ${memory.after.toFixed(0)} MiB, ${result.seenIn} +${result.seen}, lost ${result.lost}, books ${result.booksClose}, alive ${result.alive}\n`,
  );
}
