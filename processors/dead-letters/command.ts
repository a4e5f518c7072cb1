import { Command } from 'commander';
import { parseLetterId } from '#contract/dead-letter.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { auditCommand } from '#runtime/audit-log.ts';
import { addExamples, addParagraphs } from '#runtime/command-help.ts';
import {
  type CommandIo,
  type CommandOutcome,
  decimalNumber,
  runCommand,
  wholeNumber,
} from '#runtime/command-line.ts';
import { settingsAndContractOfCommand, settingsOfCommand } from '#runtime/command-settings.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import { PipelineError } from '#runtime/errors.ts';
import { createProgressDisplay } from '#runtime/progress-display.ts';
import type { Settings } from '#runtime/settings.ts';
import { write } from '#runtime/text-output.ts';
import { addChangeCommands } from './change-commands.ts';
import { lettersWithProgress } from './chosen-letters.ts';
import { exportedLine } from './correction.ts';
import {
  addFilters,
  collectIds,
  type FilterOptions,
  filterOf,
  judgeAtOption,
  letterIdArgument,
} from './filter-options.ts';
import type { JudgeAt } from './judge.ts';
import { type LetterFilter, matches } from './letter-filter.ts';
import type { DeadLettersDeps } from './letter-states.ts';
import { type Letter, readLetter } from './letters.ts';
import { listGroups, listLetters } from './list.ts';
import { replayLetters } from './replay.ts';
import { replayProgress, replaySummaryJson, replaySummaryText } from './replay-report.ts';
import { letterAsJson, showLetter } from './show.ts';
import { printStats } from './stats.ts';

export interface DeadLettersContext {
  /** The log that the settings name, opened beside whoever owns it. */
  readonly openLog: (settings: Settings) => Promise<EventLog>;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
}

const TABLE_LIMIT = 100;

/** `npm run dlq`: the whole command line. Returns the exit code. */
export async function runDeadLetters(io: CommandIo, context: DeadLettersContext): Promise<number> {
  const outcome: CommandOutcome = { code: 0 };
  const program = new Command('dlq')
    .usage('<command> [options]')
    .description('See why readings were refused, and replay them once the cause is gone.');
  addParagraphs(program, 'Reasons, causes and remedies: docs/dead-letters.md');

  const opening = async (
    settings: Settings,
    work: (deps: DeadLettersDeps) => Promise<void>,
  ): Promise<void> => {
    await using eventLog = await context.openLog(settings);
    // No `ensureTopics`: it would give the topics the retention of this command's environment.
    await work({ eventLog, topics: settings.topics, now: context.now });
  };
  const withLog = (work: (deps: DeadLettersDeps) => Promise<void>): Promise<void> =>
    opening(settingsOfCommand(io), work);
  const withLogAndContract = async (
    work: (deps: DeadLettersDeps, contract: CurrentContract) => Promise<void>,
  ): Promise<void> => {
    const { settings, contract } = await settingsAndContractOfCommand(io);
    await opening(settings, (deps) => work(deps, contract));
  };
  const chosenLetters = async function* (
    deps: DeadLettersDeps,
    filter: LetterFilter,
  ): AsyncGenerator<Letter> {
    using progress = createProgressDisplay(io.stderr, false);
    for await (const letter of lettersWithProgress(deps, io.signal, progress)) {
      if (matches(filter, letter)) yield letter;
    }
  };

  addExamples(
    addFilters(program.command('list'), context.now),
    '--since 2h',
    '--each --reason schema-violation',
    '--device truck-1 --json',
  )
    .description('Letters that wait for somebody, by what is wrong with them and of which device.')
    .option('--each', 'a row for each letter, the newest first, duplicates folded')
    .option('--all', 'a row for each letter, also those that were dealt with, and what became of them')
    .option('--limit <n>', `at most this many (a table: ${TABLE_LIMIT}, --json: all)`, wholeNumber(1))
    .option('--json', 'one object a line, a line for each letter')
    .action(async (options: FilterOptions & { each?: true; limit?: number; json?: boolean }) => {
      const json = options.json === true;
      const limit = options.limit ?? (json ? undefined : TABLE_LIMIT);
      await withLog(async (deps) => {
        const letters = chosenLetters(deps, filterOf(options));
        if (json || options.each || options.all) await listLetters(letters, { limit, json }, io.stdout);
        else await listGroups(letters, { limit: limit ?? TABLE_LIMIT, now: context.now() }, io.stdout);
      });
    });

  addExamples(addFilters(program.command('stats'), context.now), '--since 7d')
    .description('How many letters by reason, status, device, schema and hour.')
    .option('--all', 'also letters that were dealt with')
    .option('--top <n>', 'rows of each table', wholeNumber(1, 10_000), 20)
    .option('--json', 'one object')
    .action(async (options: FilterOptions & { top: number; json?: boolean }) => {
      const { top, json = false } = options;
      await withLog(async (deps) => {
        await printStats(chosenLetters(deps, filterOf(options)), { top, json }, io.stdout);
      });
    });

  addExamples(program.command('show'), '3-17', '3-17 --raw > payload')
    .description('Everything about one letter: headers, payload, and where in it the problem is.')
    .argument('<id>', 'of a letter, as "list" prints it', letterIdArgument)
    .option('--full', 'the payload whatever its length')
    .option('--json', 'one object, the payload as text and as base64')
    .option('--raw', 'nothing but the bytes of the payload; not to a terminal')
    .action(async (id: string, options: { full?: boolean; json?: boolean; raw?: boolean }) => {
      if (options.raw === true && io.stdout.isTTY === true) {
        throw new PipelineError('usage', '--raw: expected a file or a pipe, the bytes could harm a terminal');
      }
      await withLogAndContract(async (deps, contract) => {
        const position = parseLetterId(id) as NonNullable<ReturnType<typeof parseLetterId>>;
        const letter = await readLetter(deps.eventLog, deps.topics, position, io.signal);
        if (letter === undefined) {
          io.stderr.write(`There is no letter ${id}: it never was, or retention removed it.\n`);
          outcome.code = 1;
        } else if (options.raw === true) io.stdout.write(letter.payload);
        else {
          const text =
            options.json === true
              ? `${letterAsJson(letter, contract)}\n`
              : showLetter(letter, contract, options.full === true);
          await write(io.stdout, text);
        }
      });
    });

  addExamples(
    addFilters(program.command('replay'), context.now),
    '--schema greenhouse/1 --dry-run',
    '3-17 3-18',
  )
    .description("Judge letters again by today's schemas and mappings and hand in again those that pass.")
    .argument('[ids...]', 'only these letters', collectIds)
    .option('--dry-run', 'say what would pass and what would fail, change nothing')
    .option('--rate <n>', 'letters a second', decimalNumber(0.01))
    .addOption(judgeAtOption(context.now))
    .option('--parked', 'also parked letters, chosen by what they were refused for before')
    .option('--json', 'the summary as one object')
    .action(
      async (
        ids: string[],
        options: FilterOptions & {
          dryRun?: boolean;
          rate?: number;
          judgeAt: JudgeAt;
          parked?: boolean;
          json?: boolean;
        },
      ) => {
        await withLogAndContract(async (deps, { schemas, mappings }) => {
          const dryRun = options.dryRun === true;
          using progress = createProgressDisplay(io.stderr, options.json === true);
          const summary = await replayLetters(
            {
              filter: filterOf(options, ids),
              dryRun,
              ratePerSecond: options.rate,
              judgeAt: options.judgeAt,
              parked: options.parked,
              signal: io.signal,
              onProgress: (done) => progress.show(replayProgress(done), undefined),
            },
            deps,
            schemas,
            mappings,
          );
          progress[Symbol.dispose]();
          if (!dryRun) auditCommand(io, 'dlq replay', { ids, ...options });
          await write(
            io.stdout,
            options.json === true ? `${replaySummaryJson(summary)}\n` : replaySummaryText(summary),
          );
          if (summary.interrupted) outcome.code = 1;
        });
      },
    );

  addExamples(addFilters(program.command('export'), context.now), '--device truck-1 > letters.jsonl')
    .description('Letters as JSON lines, with their payloads: to be corrected, and handed in with "submit".')
    .argument('[ids...]', 'only these letters', collectIds)
    .option('--all', 'also letters that were dealt with')
    .action(async (ids: string[], options: FilterOptions) => {
      await withLog(async (deps) => {
        for await (const letter of chosenLetters(deps, filterOf(options, ids))) {
          await write(io.stdout, `${exportedLine(letter)}\n`);
        }
      });
    });

  addChangeCommands(program, { io, outcome, now: context.now, withLog, withLogAndContract });

  return runCommand(program, io, outcome);
}
