import { PipelineError } from '#runtime/errors.ts';
import type { KeptResult } from './kept-results.ts';
import type { Figures } from './measurements.ts';
import { kindOf } from './plan.ts';
import { ratePlots } from './rate-plots.ts';
import { formatFigure, mediansOf } from './report.ts';

/** By what the results of one run are named in its table. */
type Runs = ReadonlyMap<string, readonly Figures[]>;

/** What a process takes, and not what the pipeline does. */
const TAKES = /(MiB|CpuMicros)$/;
const HEADS = ['', 'what it takes'];

/**
 * The document with the results of a kind in it: they stand between `<!-- bench: KIND -->` and `<!-- /bench: KIND -->`, and all that
 * stood there is replaced. The others stay as they are, so that an hour can be found for each kind.
 *
 * @param results that are kept, of all kinds; those of one kind may be of several runs
 * @throws PipelineError `usage`: there is no place for the kind
 */
export function writeResults(document: string, kind: string, results: readonly KeptResult[]): string {
  const ofKind = results.filter(({ measurement }) => kindOf(measurement) === kind);
  const { from, to } = placeOf(document, kind);
  return `${document.slice(0, from)}\n\n${resultsOf(kind, ofKind)}\n${document.slice(to)}`;
}

/** @throws PipelineError `usage`: there is no place for one of these kinds, which is better known before the hour. */
export function assertPlaces(document: string, kinds: Iterable<string>): void {
  for (const kind of kinds) placeOf(document, kind);
}

function placeOf(document: string, kind: string): { readonly from: number; readonly to: number } {
  const begin = `<!-- bench: ${kind} -->`;
  const end = `<!-- /bench: ${kind} -->`;
  const from = document.indexOf(begin) + begin.length;
  const to = document.indexOf(end);
  if (from < begin.length || to < from)
    throw new PipelineError(
      'usage',
      `the document has no place for "${kind}": ${begin} and, behind it, ${end}`,
    );
  return { from, to };
}

function resultsOf(kind: string, results: readonly KeptResult[]): string {
  const whences = [...new Set(results.map(whenceOf))];
  const isOneRun = whences.length === 1;
  const lines = [
    `### ${kind[0]?.toUpperCase()}${kind.slice(1)}`,
    '',
    ...whences.map((whence, i) => (isOneRun ? whence : `${i + 1}. ${whence}`)),
    '',
  ];
  const runs: Runs = new Map(
    results.map((result) => {
      const setup = result.measurement.slice(kind.length).replace(/^: /, '');
      return [isOneRun ? setup : `${setup} (run ${whences.indexOf(whenceOf(result)) + 1})`, result.runs];
    }),
  );
  for (const [place, isMeant] of [
    (figure: string) => !TAKES.test(figure),
    (figure: string) => TAKES.test(figure),
  ].entries()) {
    const table = tableOf(runs, isMeant, HEADS[place] as string);
    if (table !== undefined) lines.push(...table, '');
  }
  const medians = mediansOf(new Map(results.map((result) => [result.measurement, result.runs])));
  for (const { file } of ratePlots(medians)) lines.push(`![${file}](${file})`, '');
  return lines.join('\n');
}

/** In words: what was typed, when, how often it was measured, and on what. */
function whenceOf({ command, at, machine, load, runs }: KeptResult): string {
  const how = runs.length === 1 ? 'one round' : `medians of ${runs.length} rounds, and between what they lay`;
  return `\`${command}\`, ${at.slice(0, 10)}: ${how}. ${machine}, load ${load}.`;
}

/** Setups by figures, or the other way round when there are more figures. */
function tableOf(runs: Runs, isMeant: (figure: string) => boolean, head: string): string[] | undefined {
  const figures = [...new Set([...runs.values()].flatMap((all) => Object.keys(all[0] ?? {})))].filter(
    isMeant,
  );
  if (figures.length === 0) return undefined;
  const setups = [...runs.keys()];
  const cell = (setup: string, figure: string): string => {
    const all = runs.get(setup) ?? [];
    return figure in (all[0] ?? {}) ? formatFigure(all.map((run) => run[figure] ?? Number.NaN)) : '';
  };
  const words = figures.map(wordsOf);
  const rows =
    figures.length > setups.length
      ? [
          [head, ...setups],
          ...figures.map((figure, i) => [words[i], ...setups.map((setup) => cell(setup, figure))]),
        ]
      : [
          [head, ...words],
          ...setups.map((setup) => [setup, ...figures.map((figure) => cell(setup, figure))]),
        ];
  const [top = [], ...rest] = rows.map((row) => `| ${row.join(' | ')} |`);
  return [top as string, `|${'---|'.repeat(rows[0]?.length ?? 0)}`, ...rest];
}

/** `at75PubackP99Ms` → `at 75 % puback p99 ms`. */
function wordsOf(figure: string): string {
  return figure
    .replace(/^at(\d+)/, 'at $1 %')
    .replaceAll(/(?<=[a-z0-9%])(?=[A-Z])/g, ' ')
    .replace('Mi B', 'MiB')
    .replaceAll(/\b[A-Z](?!iB)/g, (letter) => letter.toLowerCase());
}
