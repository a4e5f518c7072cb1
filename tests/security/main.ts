import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command, Option } from 'commander';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandOutcome, decimalNumber, runCommand } from '#runtime/command-line.ts';
import { processIo } from '#runtime/process-io.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
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

const io = processIo(process);
const outcome: CommandOutcome = { code: 0 };
const program = addExamples(new Command('security-drill'), '--only pubrel-flood connect-churn --seconds 20')
  .description('Attacks a pipeline of its own with good devices beside it, one attack after the other.')
  .addOption(
    new Option('--only <names...>', 'some attacks (default: all)').choices(ATTACKS.map(({ name }) => name)),
  )
  .option('--seconds <n>', 'how long each attack lasts', decimalNumber(1, 86_400), 10)
  .option('--after <n>', 'seconds until memory is looked at again', decimalNumber(0, 86_400), 60)
  .option('--write', 'write docs/security-drill.md')
  .option('--json', 'one line of JSON for each attack')
  .action(async ({ only, seconds, after, write, json }: Options) => {
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
          io.stdout.write(json ? `${terminalJson(result)}\n` : `${inWords(result)}\n`);
          return result;
        }),
      );
    }
    const results = await Promise.all(waiting);
    if (write) writeFileSync(DOCUMENT, securityReport(results, { seconds, after }));
    if (!results.every(isHeld)) outcome.code = 1;
  });
process.exitCode = await runCommand(program, io, outcome);

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
