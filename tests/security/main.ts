import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { ATTACKS } from './attacks/all.ts';
import { type DrillResult, drill } from './drill.ts';
import { isHeld, securityReport } from './report.ts';

const DOCUMENT = path.join(import.meta.dirname, '..', '..', 'docs', 'security-drill.md');

interface Options {
  readonly only?: readonly string[];
  readonly seconds: number;
  readonly after: number;
  readonly write?: boolean;
  readonly json?: boolean;
}

const { only, seconds, after, write, json } = new Command('security-drill')
  .description('Attacks a pipeline of its own with good devices beside it, one attack after the other.')
  .option('--only <names...>', `some attacks: ${ATTACKS.map(({ name }) => name).join(', ')}`)
  .option('--seconds <n>', 'how long each attack lasts', Number, 10)
  .option('--after <n>', 'seconds until memory is looked at again', Number, 60)
  .option('--write', 'write docs/security-drill.md')
  .option('--json', 'one line of JSON for each attack')
  .parse()
  .opts<Options>();

const waiting: Promise<DrillResult>[] = [];
for (const attack of ATTACKS.filter(({ name }) => only === undefined || only.includes(name))) {
  const options = {
    goodDevices: 100,
    rate: 4,
    beforeMs: 6_000,
    attackMs: seconds * 1000,
    afterMs: after * 1000,
  };
  const finish = await drill(attack, options);
  // While memory of this one settles, the next one is attacked.
  waiting.push(
    finish().then((result) => {
      process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${inWords(result)}\n`);
      return result;
    }),
  );
}
const results = await Promise.all(waiting);
if (write) writeFileSync(DOCUMENT, securityReport(results, { seconds, after }));
process.exitCode = results.every(isHeld) ? 0 : 1;

function inWords({
  attack,
  shareDuring,
  during,
  logins,
  memory,
  seen,
  lost,
  booksClose,
  alive,
}: DrillResult): string {
  const megabytes = [memory.before, memory.peak, memory.after].map((it) => it.toFixed(0)).join(' / ');
  return (
    `${attack}: share ${shareDuring.toFixed(3)}, ${logins === undefined ? '' : `logins ${logins.right} of ${logins.tried}, `}PUBACK p50 ${during.p50Ms.toFixed(1)} p99 ${during.p99Ms.toFixed(1)} ms, ` +
    `memory ${megabytes} MiB, counted ${seen}, lost ${lost}, books ${booksClose ? 'close' : 'OPEN'}, ${alive ? 'alive' : 'DEAD'}`
  );
}
