import type { Command } from 'commander';
import { auditCommand } from '#runtime/audit-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import type { CommandIo, CommandOutcome } from '#runtime/command-line.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import { counted } from '#runtime/counted.ts';
import { PipelineError } from '#runtime/errors.ts';
import { momentArgument } from '#runtime/moment.ts';
import { createProgressDisplay } from '#runtime/progress-display.ts';
import { readStdinText, readText } from '#runtime/read-text.ts';
import { terminalJson, terminalText } from '#runtime/terminal-text.ts';
import { write } from '#runtime/text-output.ts';
import { type ChangeOptions, type ChangeResult, dismissLetters, undismissLetters } from './dismiss.ts';
import { addFilters, collectIds, type FilterOptions, filterOf, judgeAtOption } from './filter-options.ts';
import type { JudgeAt } from './judge.ts';
import type { DeadLettersDeps } from './letter-states.ts';
import { type SubmitSummary, submitCorrections } from './submit.ts';

/** What the commands are made with. */
export interface ChangeCommandsParts {
  readonly io: CommandIo;
  readonly outcome: CommandOutcome;
  readonly now: () => number;
  readonly withLog: (work: (deps: DeadLettersDeps) => Promise<void>) => Promise<void>;
  readonly withLogAndContract: (
    work: (deps: DeadLettersDeps, contract: CurrentContract) => Promise<void>,
  ) => Promise<void>;
}

/** Problems that are told one by one; of more, how many. */
const PROBLEMS_SHOWN = 50;

/** `dlq dismiss`, `dlq undo` and `dlq submit`. */
export function addChangeCommands(program: Command, parts: ChangeCommandsParts): void {
  const { io, outcome, now, withLog, withLogAndContract } = parts;
  const change = async (
    command: 'dismiss' | 'undo',
    work: (options: ChangeOptions, deps: DeadLettersDeps) => Promise<ChangeResult>,
    ids: readonly string[],
    options: FilterOptions & { dryRun?: true; json?: true },
  ): Promise<void> => {
    const filter = filterOf(options, ids);
    if (Object.keys(filter).length === 0) {
      throw new PipelineError('usage', `${command}: expected ids or a filter, not everything at once`);
    }
    const dryRun = options.dryRun === true;
    await withLog(async (deps) => {
      const result = await work({ filter, dryRun, signal: io.signal }, deps);
      if (!dryRun) auditCommand(io, `dlq ${command}`, { ids, ...options, letters: result.changed });
      const done = command === 'dismiss' ? 'dismissed' : 'undone';
      const { changed, reasons, interrupted } = result;
      const json = { dryRun, [done]: changed, reasons, interrupted };
      await write(io.stdout, options.json ? `${terminalJson(json)}\n` : changeText(result, dryRun, command));
      if (interrupted) outcome.code = 1;
    });
  };

  addExamples(addFilters(program.command('dismiss'), now), '--reason malformed-json --until 7d --dry-run')
    .description(
      'Mark letters as dealt with: nothing is to be done about them. They stay readable with --all.',
    )
    .argument('[ids...]', 'only these letters', collectIds)
    .option('--dry-run', 'say what would be dismissed, change nothing')
    .option('--json', 'the result as one object')
    .action((ids: string[], options) => change('dismiss', dismissLetters, ids, options));

  addExamples(addFilters(program.command('undo'), now), '--dismissed-since 1h')
    .description('Take back dismissals: the letters wait again.')
    .argument('[ids...]', 'only these letters', collectIds)
    .option(
      '--dismissed-since <when>',
      'dismissed since then: an age or an ISO time, UTC',
      momentArgument(now),
    )
    .option('--dry-run', 'say which would wait again, change nothing')
    .option('--json', 'the result as one object')
    .action((ids: string[], options) => change('undo', undismissLetters, ids, options));

  addExamples(program.command('submit'), 'letters.jsonl --dry-run', 'letters.jsonl')
    .description(
      'Hand in corrected payloads: lines as "export" writes them. What passes is stored, its letter recovered.',
    )
    .argument('<file>', 'JSON lines; "-" = standard input')
    .addOption(judgeAtOption(now))
    .option('--dry-run', 'say what would pass and what would be refused, change nothing')
    .option('--json', 'the summary as one object')
    .action(async (file: string, options: { judgeAt: JudgeAt; dryRun?: true; json?: true }) => {
      const lines = (await contentOf(file, io)).split(/\r?\n/);
      await withLogAndContract(async (deps, { schemas, mappings }) => {
        const dryRun = options.dryRun === true;
        using progress = createProgressDisplay(io.stderr, options.json === true);
        const summary = await submitCorrections(
          {
            lines,
            dryRun,
            judgeAt: options.judgeAt,
            signal: io.signal,
            onProgress({ recovered, refused }) {
              const done = recovered + refused;
              progress.show(`submitting ${done} of ${lines.length} lines`, done / lines.length);
            },
          },
          deps,
          schemas,
          mappings,
        );
        progress[Symbol.dispose]();
        if (!dryRun) auditCommand(io, 'dlq submit', { file, recovered: summary.recovered });
        await write(io.stdout, options.json ? `${terminalJson(summary)}\n` : submitText(summary, file));
        if (summary.interrupted || summary.problems.length > 0) outcome.code = 1;
      });
    });
}

async function contentOf(file: string, { stdin }: CommandIo): Promise<string> {
  if (file === '-' && stdin !== undefined) return readStdinText(stdin);
  try {
    return readText(file);
  } catch (cause) {
    throw new PipelineError('usage', `submit: ${file} cannot be read`, { cause });
  }
}

function changeText(
  { changed, reasons, whyNothing, interrupted }: ChangeResult,
  dryRun: boolean,
  command: string,
): string {
  const what = command === 'dismiss' ? 'dismissed' : 'waiting again';
  const by = Object.entries(reasons).map(([reason, count]) => `${count.toLocaleString('en')} ${reason}`);
  return [
    `${dryRun ? 'Dry run, nothing was changed. ' : ''}${counted(changed, 'letter')} ${dryRun ? 'would be ' : ''}${what}${by.length === 0 ? '' : ` (${by.join(', ')})`}.`,
    ...(whyNothing === undefined ? [] : [whyNothing]),
    ...(interrupted ? ['Interrupted: what was done is kept, run it again for the rest.'] : []),
    '',
  ].join('\n');
}

function submitText(
  { lines, recovered, refused, problems, dryRun, interrupted }: SubmitSummary,
  file: string,
): string {
  const more = problems.length - PROBLEMS_SHOWN;
  return [
    `${dryRun ? 'Dry run, nothing was changed. ' : ''}${counted(lines, 'line')}: ${counted(recovered, 'letter')} ${dryRun ? 'would be ' : ''}recovered, ${refused.toLocaleString('en')} refused.`,
    ...problems
      .slice(0, PROBLEMS_SHOWN)
      .map(({ line, problem }) => terminalText(`${file}, line ${line}, ${problem}`)),
    ...(more > 0 ? [`… and ${more.toLocaleString('en')} more; --json tells all`] : []),
    ...(interrupted ? ['Interrupted: what was done is kept, run it again for the rest.'] : []),
    '',
  ].join('\n');
}
