import { Command, InvalidArgumentError } from 'commander';
import { isDeviceId } from '#contract/device-topic.ts';
import { LIMITS } from '#contract/limits.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, type CommandOutcome, runCommand, wholeNumber } from '#runtime/command-line.ts';
import { settingsOfCommand } from '#runtime/command-settings.ts';
import { counted } from '#runtime/counted.ts';
import { PipelineError } from '#runtime/errors.ts';
import { createProgressDisplay } from '#runtime/progress-display.ts';
import type { Settings } from '#runtime/settings.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { type Span, spanOf } from './span-of.ts';
import { type TraceVerdict, traceReading } from './trace.ts';
import { renderTrace, traceJson } from './trace-report.ts';

export interface TraceContext {
  /** Log and store that the settings name, opened beside whoever owns them. */
  readonly openLog: (settings: Settings) => Promise<EventLog>;
  readonly openStore: (settings: Settings) => Promise<TelemetryStore>;
}

/** Whoever asked does not know now where the reading is. */
const NOT_ANSWERED: ReadonlySet<TraceVerdict> = new Set(['missing', 'not-found', 'unknown']);
/** Also the length of a log for which no progress is shown. */
const RECORDS_PER_UPDATE = 1_000;

/** `npm run trace`: the whole command line. Returns the exit code. */
export async function runTrace(io: CommandIo, context: TraceContext): Promise<number> {
  const outcome: CommandOutcome = { code: 0 };
  const program = addExamples(new Command('trace'), 'truck-1 17', 'truck-1 --at 2026-01-31T08:00:05Z')
    .description(
      'Where a reading is: accepted when, where in the log, stored, or dead-lettered and why.\n' +
        'Reads the telemetry and dead-letter topics from their beginning. Exit code 1: it is nowhere, or the\n' +
        'store, which might have it, cannot be asked.',
    )
    .argument('<device>', 'device id', deviceIdArgument)
    .argument('[seq]', 'number of the reading', wholeNumber(0))
    .option(
      '--at <time>',
      'instead of a number, which readings that mappings make do not have: ts in milliseconds, or ISO 8601 (UTC unless it\n' +
        'says otherwise); one that says no milliseconds, or no seconds, means all of that second, or minute',
      spanArgument,
    )
    .option('--json', 'one JSON object')
    .action(async (deviceId: string, seq: number | undefined, options: { at?: Span; json?: true }) => {
      const wanted = seq === undefined ? options.at : { seq };
      if (wanted === undefined || (seq !== undefined && options.at !== undefined))
        throw new PipelineError(
          'usage',
          'expected the number of a reading, or --at with its time; --help explains',
        );
      const settings = settingsOfCommand(io);
      await using eventLog = await context.openLog(settings);
      await using store = await context.openStore(settings);
      using progress = createProgressDisplay(io.stderr, options.json === true);
      const trace = await traceReading(
        { deviceId, wanted },
        {
          eventLog,
          store,
          topics: settings.topics,
          group: settings.consumerGroup,
          signal: io.signal,
          onProgress: (done, total) => {
            if (done % RECORDS_PER_UPDATE === 0)
              progress.show(`reading the log, ${counted(total, 'record')}`, done / total);
            return undefined;
          },
        },
      );
      progress[Symbol.dispose]();
      io.stdout.write(options.json ? `${traceJson(trace)}\n` : renderTrace(trace));
      if (NOT_ANSWERED.has(trace.verdict)) outcome.code = 1;
    });
  return runCommand(program, io, outcome);
}

/** Option parser: the span of time that is as wide as what the text leaves open. */
function spanArgument(text: string): Span {
  const span = spanOf(text);
  if (span !== undefined) return span;
  throw new InvalidArgumentError(
    'expected milliseconds since the epoch, or a time such as 2026-11-20T10:00:00Z',
  );
}

function deviceIdArgument(text: string): string {
  if (isDeviceId(text)) return text;
  throw new InvalidArgumentError(`expected 1 to ${LIMITS.deviceIdLength} of A-Z a-z 0-9 . _ : -`);
}
