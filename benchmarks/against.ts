import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PipelineError } from '#runtime/errors.ts';
import type { Figures } from './measurements.ts';
import { median } from './report.ts';

/** Of one round: the figures of each measurement, by its name. */
export type Round = Readonly<Record<string, Figures>>;

/** How one figure of this checkout stands to the other's: each ratio is of two runs that followed each other. */
export interface Ratio {
  readonly measurement: string;
  readonly figure: string;
  /** Medians over the rounds. */
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: { readonly median: number; readonly least: number; readonly most: number };
}

/** Far above what prints a round's figures. */
const OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * Runs one round of the benchmark of a checkout, in a process of its own with the services of its own.
 *
 * @param arguments_ beside `--rounds 1 --json`, which every version understands
 * @throws PipelineError `configuration` when it cannot be run there
 */
export async function runRound(
  directory: string,
  arguments_: readonly string[],
  signal: AbortSignal,
): Promise<Round> {
  const run = promisify(execFile);
  try {
    const { stdout } = await run(
      'npm',
      ['run', '--silent', 'bench', '--', '--rounds', '1', '--json', ...arguments_],
      { cwd: directory, signal, maxBuffer: OUTPUT_BYTES },
    );
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Round;
  } catch (cause) {
    throw new PipelineError('configuration', `the benchmark in ${directory} failed`, { cause });
  }
}

/** Only what both measured, in this checkout's order. */
export function compare(ours: readonly Round[], theirs: readonly Round[]): Ratio[] {
  const [first = {}] = ours;
  return Object.entries(first).flatMap(([measurement, figures]) =>
    Object.keys(figures)
      .filter((figure) => theirs[0]?.[measurement]?.[figure] !== undefined)
      .map((figure) => {
        const valuesOf = (rounds: readonly Round[]): number[] =>
          rounds.map((round) => round[measurement]?.[figure] ?? Number.NaN);
        const [here, there] = [valuesOf(ours), valuesOf(theirs)];
        const ratios = here.map((value, i) => value / (there[i] ?? Number.NaN));
        return {
          measurement,
          figure,
          ours: median(here),
          theirs: median(there),
          ratio: { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) },
        };
      }),
  );
}
