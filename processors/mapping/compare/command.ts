import type { Command } from 'commander';
import { instant } from '#processors/mapping/instant.ts';
import { addExamples } from '#runtime/command-help.ts';
import type { CommandIo, CommandOutcome } from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';
import { utf8Text } from '#runtime/read-text.ts';
import type { Settings } from '#runtime/settings.ts';
import { terminalJson, terminalText } from '#runtime/terminal-text.ts';
import { plainTable } from '#runtime/text-output.ts';
import { withoutLogin } from '#runtime/url-login.ts';
import { isHttpUrl } from '#runtime/variable-kinds.ts';
import { countValues } from '#telemetry-store/influxdb/value-counts.ts';
import { type ComparedCount, compareCounts } from './compare-counts.ts';

export interface CompareContext {
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  readonly settings: () => Settings;
  readonly readFile: (file: string) => Uint8Array;
}

interface Options {
  readonly bucket: string;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly measurement?: string[];
  readonly by?: string;
  readonly from?: number;
  readonly to?: number;
  readonly json?: true;
}

const HOUR_MS = 3_600_000;
/** What is on its way in one chain and has arrived by the other is no difference. */
const SETTLED_MS = 60_000;

/** `npm run mapping -- compare`. */
export function addCompareCommand(
  program: Command,
  io: CommandIo,
  context: CompareContext,
  outcome: CommandOutcome,
): void {
  addExamples(program.command('compare'), '--bucket telegraf --by topic')
    .description(
      'How many values another chain (Telegraf) stored of each measurement and field, and how many this pipeline did\n' +
        '(docs/migrating-from-telegraf.md). Exit code 1: the counts differ.',
    )
    .requiredOption('--bucket <name>', 'the InfluxDB bucket of the other chain; ours is INFLUX_BUCKET')
    .option('--url <url>', 'its InfluxDB, if it is another one than INFLUX_URL')
    .option('--token-file <file>', 'file with a token that may read it, if INFLUX_TOKEN may not')
    .option(
      '--measurement <names>',
      'only these, separated by commas (default: all of the other chain)',
      names,
    )
    .option('--by <tag>', 'by the values of a tag that both have, such as topic')
    .option('--from <time>', 'ISO 8601 (default: an hour before --to)', instant('--from'))
    .option('--to <time>', 'ISO 8601 (default: a minute ago)', instant('--to'))
    .option(
      '--json',
      'one JSON object {"from", "to", "same", "counts": [{"measurement", "field", "tag", "theirs", "ours"}]}',
    )
    .action(async (options: Options) => {
      const { influx } = context.settings();
      if (influx === undefined)
        throw new PipelineError(
          'configuration',
          'INFLUX_URL: expected the address of our InfluxDB: only what both chains keep in InfluxDB can be compared',
        );
      const { bucket, url = influx.url, by, measurement } = options;
      // Not quoted: there may be a password in it.
      if (!isHttpUrl(url) || withoutLogin(url).authorization !== undefined)
        throw new PipelineError(
          'usage',
          '--url: expected an address such as http://127.0.0.1:8086, without user and password (--token-file is for that)',
        );
      const toMs = options.to ?? context.now() - SETTLED_MS;
      const fromMs = options.from ?? toMs - HOUR_MS;
      if (fromMs >= toMs) throw new PipelineError('usage', '--from: expected a time before --to');
      const token = tokenIn(options.tokenFile, context) ?? influx.token;
      const range = { fromMs, toMs, by };
      const [theirs, ours] = await Promise.all([
        countValues({ url, token, bucket }, range, io.signal),
        countValues(influx, range, io.signal),
      ]);
      const counts = compareCounts(theirs, ours, measurement);
      const same = counts.length > 0 && counts.every((count) => count.theirs === count.ours);
      if (!same) outcome.code = 1;
      const times = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
      io.stdout.write(
        options.json === true
          ? `${terminalJson({ ...times, same, counts })}\n`
          : textOf(counts, by, `${times.from} to ${times.to}`),
      );
    });
}

/** @throws PipelineError `usage` */
function tokenIn(file: string | undefined, { readFile }: CompareContext): string | undefined {
  if (file === undefined) return undefined;
  try {
    return utf8Text(readFile(file)).trim();
  } catch (cause) {
    throw new PipelineError('usage', `--token-file: ${file} cannot be read`, { cause });
  }
}

function textOf(counts: readonly ComparedCount[], by: string | undefined, range: string): string {
  if (counts.length === 0) return `No values in either bucket, ${range}.\n`;
  const differing = counts.filter(({ theirs, ours }) => theirs !== ours).length;
  const rows = counts.map(({ measurement, field, tag, theirs, ours }) => [
    ...[measurement, field, ...(by === undefined ? [] : [tag ?? ''])].map(terminalText),
    String(theirs),
    String(ours),
    theirs === ours ? '' : signed(ours - theirs),
  ]);
  const heads = [
    'MEASUREMENT',
    'FIELD',
    ...(by === undefined ? [] : [by.toUpperCase()]),
    'THEIRS',
    'OURS',
    'DIFFERENCE',
  ];
  const verdict =
    differing === 0 ? `The same counts, ${range}.` : `${differing} of ${counts.length} differ, ${range}.`;
  return `${plainTable(heads, rows)}\n${verdict}\n`;
}

function signed(difference: number): string {
  return difference > 0 ? `+${difference}` : String(difference);
}

function names(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}
