import { Command } from 'commander';
import type { EventLog } from '#event-log/event-log.ts';
import { auditCommand } from '#runtime/audit-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, type CommandOutcome, runCommand } from '#runtime/command-line.ts';
import { settingsOfCommand } from '#runtime/command-settings.ts';
import { counted } from '#runtime/counted.ts';
import { momentArgument } from '#runtime/moment.ts';
import type { Settings } from '#runtime/settings.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
import { plainTable, write } from '#runtime/text-output.ts';
import { type MoveTo, type PartitionMove, planMove } from './move-group.ts';

export interface OffsetsContext {
  /** The log that the settings name, opened beside whoever owns it. */
  readonly openLog: (settings: Settings) => Promise<EventLog>;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
}

/** `npm run offsets`: the whole command line. Returns the exit code. */
export async function runOffsets(io: CommandIo, context: OffsetsContext): Promise<number> {
  const outcome: CommandOutcome = { code: 0 };
  const moment = momentArgument(context.now);
  const program = addExamples(new Command('offsets'), '--to 2h --dry-run', '--to 2026-01-31T08:00Z')
    .description(
      'Moves the telemetry-writer in the log, while it is stopped: it goes on at the first record that the log took at a\n' +
        'time or later. Back, readings are written again and refused ones become letters again; forward, what is between is\n' +
        'never stored. To write a store again, npm run reprocess is the better way. docs/repair.md',
    )
    .requiredOption(
      '--to <when>',
      'an age (30m, 2h, 7d), an ISO time, UTC, "beginning" or "end"',
      (text: string): MoveTo => (text === 'beginning' || text === 'end' ? text : moment(text)),
    )
    .option('--group <name>', 'of consumers (default: CONSUMER_GROUP)')
    .option('--dry-run', 'say what would be moved, change nothing')
    .option('--json', 'one JSON object')
    .action(async (options: { to: MoveTo; group?: string; dryRun?: true; json?: true }) => {
      const settings = settingsOfCommand(io);
      const topic = settings.topics.telemetry;
      const { group = settings.consumerGroup, dryRun = false } = options;
      await using eventLog = await context.openLog(settings);
      const moves = await planMove(topic, group, options.to, eventLog);
      if (!dryRun) {
        await eventLog.setOffsets(topic, group, new Map(moves.map(({ partition, to }) => [partition, to])));
        auditCommand(io, 'offsets set', { topic, group, to: options.to, moves });
      }
      const text = options.json
        ? `${terminalJson({ topic, group, dryRun, moves })}\n`
        : movesText(moves, { topic, group, dryRun });
      await write(io.stdout, text);
    });
  return runCommand(program, io, outcome);
}

function movesText(
  moves: readonly PartitionMove[],
  { topic, group, dryRun }: { readonly topic: string; readonly group: string; readonly dryRun: boolean },
): string {
  const sum = (of: (move: PartitionMove) => number): number =>
    moves.reduce((total, move) => total + Math.max(0, of(move)), 0);
  const back = sum(({ from, to }) => from - to);
  const left = sum(({ from, to }) => to - from);
  const rows = moves.map(({ partition, from, to }) => [partition, from, to].map(String));
  return [
    dryRun ? 'Dry run, nothing was changed.' : `${group} goes on at the new offsets when it is started.`,
    `On ${topic}: ${counted(back, 'record')} to be handled again, ${counted(left, 'record')} left out.`,
    '',
    plainTable(['PARTITION', 'NOW', 'NEW'], rows),
  ].join('\n');
}
