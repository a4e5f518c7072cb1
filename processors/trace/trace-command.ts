import { readFileSync } from 'node:fs';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError } from 'commander';
import { isDeviceId } from '#contract/device-topic.ts';
import { LIMITS } from '#contract/limits.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { type CommandIo, type CommandOutcome, runCommand, wholeNumber } from '#runtime/command-line.ts';
import { readSettings, type Settings } from '#runtime/settings.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { traceReading } from './trace.ts';
import { renderTrace, traceJson } from './trace-report.ts';

export interface TraceContext {
  /** Log and store that the settings name, opened beside whoever owns them. */
  readonly openLog: (settings: Settings) => Promise<EventLog>;
  readonly openStore: (settings: Settings) => Promise<TelemetryStore>;
}

/** A bar on a terminal, a line every five seconds elsewhere. */
const LINE_MS = 5_000;
/** Also the length of a log for which no progress is shown. */
const RECORDS_PER_UPDATE = 1_000;

/** `npm run trace`: the whole command line. Returns the exit code. */
export async function runTrace(io: CommandIo, context: TraceContext): Promise<number> {
  const outcome: CommandOutcome = { code: 0 };
  const program = new Command('trace')
    .description(
      'Where a reading is: accepted when, where in the log, stored, or dead-lettered and why.\n' +
        'Reads the telemetry and dead-letter topics from their beginning. Exit code 1: it is nowhere.',
    )
    .argument('<device>', 'device id', deviceIdArgument)
    .argument('<seq>', 'number of the reading', wholeNumber(0))
    .option('--json', 'one JSON object')
    .action(async (deviceId: string, seq: number, options: { json?: true }) => {
      const { settings, warnings } = readSettings(io.env, (path) => readFileSync(path, 'utf8'));
      for (const warning of warnings) io.stderr.write(`${warning}\n`);
      await using eventLog = await context.openLog(settings);
      await using store = await context.openStore(settings);
      using progress = scanProgress(io.stderr);
      const trace = await traceReading(
        { deviceId, seq },
        {
          eventLog,
          store,
          topics: settings.topics,
          group: settings.consumerGroup,
          signal: io.signal,
          onProgress: progress.update,
        },
      );
      progress[Symbol.dispose]();
      io.stdout.write(options.json ? `${traceJson(trace)}\n` : renderTrace(trace));
      if (trace.verdict === 'missing' || trace.verdict === 'not-found') outcome.code = 1;
    });
  return runCommand(program, io, outcome);
}

function deviceIdArgument(text: string): string {
  if (isDeviceId(text)) return text;
  throw new InvalidArgumentError(`expected 1 to ${LIMITS.deviceIdLength} of A-Z a-z 0-9 . _ : -`);
}

function scanProgress(stderr: NodeJS.WritableStream) {
  const bar = new SingleBar({
    stream: stderr,
    format: 'reading the log [{bar}] {value} of {total} records',
    noTTYOutput: true,
    notTTYSchedule: LINE_MS,
    clearOnComplete: true,
    hideCursor: false,
  });
  let started = false;
  return {
    update: (done: number, total: number): void => {
      if (done % RECORDS_PER_UPDATE !== 0) return;
      if (!started) bar.start(total, done);
      started = true;
      bar.update(done);
    },
    [Symbol.dispose]: (): void => {
      if (started) bar.stop();
    },
  };
}
