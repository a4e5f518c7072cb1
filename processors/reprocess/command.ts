import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { isDeviceId } from '#contract/device-topic.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { auditCommand } from '#runtime/audit-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, type CommandOutcome, decimalNumber, runCommand } from '#runtime/command-line.ts';
import { settingsAndContractOfCommand } from '#runtime/command-settings.ts';
import type { Deps } from '#runtime/deps.ts';
import { PipelineError } from '#runtime/errors.ts';
import { assertRising, momentArgument } from '#runtime/moment.ts';
import { createProgressDisplay } from '#runtime/progress-display.ts';
import type { Settings } from '#runtime/settings.ts';
import { write } from '#runtime/text-output.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { ProgressFile, type RunProgress } from './progress-file.ts';
import { reprocessJson, reprocessText } from './report.ts';
import { reprocess } from './reprocess.ts';

export interface ReprocessContext {
  /** The log that the settings name, opened beside whoever owns it. */
  readonly openLog: (settings: Settings) => Promise<EventLog>;
  /** The store that the settings name, for writing beside whoever owns it. */
  readonly openStore: (settings: Settings) => Promise<TelemetryStore>;
  readonly deps: Deps;
}

interface Options {
  readonly since: string;
  readonly until?: string;
  readonly device?: readonly string[];
  readonly intoBucket?: string;
  readonly intoDir?: string;
  readonly dryRun?: true;
  readonly restart?: true;
  readonly rate?: number;
  readonly fast?: true;
  readonly json?: true;
}

const FROM_THE_BEGINNING = 'beginning';

/** `npm run reprocess`: the whole command line. Returns the exit code. */
export async function runReprocess(io: CommandIo, context: ReprocessContext): Promise<number> {
  const outcome: CommandOutcome = { code: 0 };
  const { now } = context.deps;
  const moment = momentArgument(now);
  const checked = (text: string): string => {
    moment(text);
    return text;
  };
  const program = addExamples(
    new Command('reprocess'),
    '--since 7d --dry-run',
    '--since 2026-01-31T08:00Z --until 2d --device truck-1',
    '--since beginning --into-bucket telemetry-2',
  )
    .description(
      'Writes a store again from the event log, beside the running pipeline: the store that the environment names, or\n' +
        'another one. What is there already stays as it is. Stopped or killed, the same command goes on. docs/repair.md',
    )
    .requiredOption(
      '--since <when>',
      `what the log took since then: an age (30m, 2h, 7d), an ISO time, UTC, or "${FROM_THE_BEGINNING}"`,
      (text: string) => (text === FROM_THE_BEGINNING ? text : checked(text)),
    )
    .option('--until <when>', 'what the log took before then (default: its end as it is now)', checked)
    .option('--device <id>', 'only this device; repeatable', collectDevices)
    .option('--into-bucket <name>', 'into another bucket of the same InfluxDB')
    .option('--into-dir <folder>', 'into the file of an embedded store in this folder')
    .option(
      '--rate <n>',
      'readings a second (default: half of the time the store is left to others)',
      decimalNumber(0.01),
    )
    .option('--fast', 'no rests: nobody else uses the store')
    .option('--restart', 'from the beginning, although an unfinished run could go on')
    .option('--dry-run', 'say what would be written and what refused, change nothing')
    .option('--json', 'one JSON object')
    .action(async (options: Options) => {
      const { settings, contract } = await settingsAndContractOfCommand(io);
      const into = targetOf(settings, options);
      const { topics, dataDir } = settings;
      const { since, until, device: devices } = options;
      const key = { topic: topics.telemetry, target: into.name, since, until, devices };
      const sinceMs = since === FROM_THE_BEGINNING ? 0 : moment(since);
      const untilMs = until === undefined ? undefined : moment(until);
      assertRising(sinceMs, untilMs);
      await using eventLog = await context.openLog(settings);
      await using store = await context.openStore(into.settings);
      using progress = createProgressDisplay(io.stderr, options.json === true);
      const doing = options.dryRun === true ? 'judging' : 'writing';
      const result = await reprocess(
        {
          topic: topics.telemetry,
          sinceMs,
          untilMs,
          devices: devices && new Set(devices),
          dryRun: options.dryRun === true,
          restart: options.restart === true,
          ratePerSecond: options.rate,
          atFullSpeed: options.fast === true,
          signal: io.signal,
          tags: settings.storeTags,
          limits: settings.limits,
          onProgress: (run) => {
            const { written, refused } = run.tally;
            const [done, total] = doneOf(run);
            progress.show(
              `${doing} ${done} of ${total} records: ${written} readings, ${refused} refused`,
              total === 0 ? 1 : done / total,
            );
          },
        },
        {
          ...context.deps,
          eventLog,
          store,
          schemas: contract.schemas,
          progress: new ProgressFile(dataDir, key),
        },
      );
      progress[Symbol.dispose]();
      const words = { topic: topics.telemetry, target: into.name, dryRun: options.dryRun === true };
      if (!words.dryRun) {
        auditCommand(io, 'reprocess', { ...key, written: result.tally.written });
      }
      await write(io.stdout, (options.json ? reprocessJson : reprocessText)(result, words));
      if (result.interrupted) outcome.code = 1;
    });
  return runCommand(program, io, outcome);
}

/** Offsets that were read, of how many. */
function doneOf({ partitions }: RunProgress): [number, number] {
  const sum = (of: (it: RunProgress['partitions'][number]) => number): number =>
    partitions.reduce((total, it) => total + of(it), 0);
  return [sum(({ next, from }) => next - from), sum(({ end, from }) => end - from)];
}

/** The settings of the store that is written, and its name for people. @throws PipelineError `usage` */
function targetOf(
  settings: Settings,
  { intoBucket, intoDir }: Options,
): { readonly settings: Settings; readonly name: string } {
  if (intoBucket !== undefined && intoDir !== undefined)
    throw new PipelineError('usage', '--into-bucket, --into-dir: expected one of them');
  if (intoBucket !== undefined && settings.influx === undefined)
    throw new PipelineError(
      'usage',
      '--into-bucket: expected INFLUX_URL in the environment; the store is embedded',
    );
  const { influx } = settings;
  if (influx !== undefined && intoDir === undefined) {
    const bucket = intoBucket ?? influx.bucket;
    return {
      settings: { ...settings, influx: { ...influx, bucket } },
      name: `bucket ${bucket} of ${influx.url}`,
    };
  }
  const dataDir = path.resolve(intoDir ?? settings.dataDir);
  return { settings: { ...settings, influx: undefined, dataDir }, name: `the store in ${dataDir}` };
}

function collectDevices(text: string, previous: readonly string[] | undefined): readonly string[] {
  if (!isDeviceId(text)) throw new InvalidArgumentError('expected a device id');
  return [...(previous ?? []), text];
}
