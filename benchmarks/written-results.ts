import { PipelineError } from '#runtime/errors.ts';
import type { Figures } from './measurements.ts';
import { ratePlots } from './rate-plots.ts';
import { formatFigure, mediansOf } from './report.ts';

/** Whence the figures are, in words. */
export interface Whence {
  /** As typed. */
  readonly command: string;
  readonly rounds: number;
  /** As `describeMachine` says it. */
  readonly machine: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

type Runs = ReadonlyMap<string, readonly Figures[]>;

/** What a process takes, and not what the pipeline does. */
const TAKES = /(MiB|CpuMicros)$/;
const HEADS = ['', 'what it takes'];

/** `throughput` of `throughput: embedded, 1 a message`. */
export function kindOf(measurement: string): string {
  return measurement.split(': ')[0] as string;
}

/**
 * The document with the results in it: a kind of measurement stands between `<!-- bench: KIND -->` and
 * `<!-- /bench: KIND -->`, and all that stood there is replaced. What was not measured stays as it is, so that an hour can be found for each kind.
 *
 * @throws PipelineError `usage`: there is no place for a kind
 */
export function writeResults(document: string, runs: Runs, whence: Whence): string {
  let written = document;
  for (const [kind, ofKind] of Map.groupBy(runs, ([name]) => kindOf(name))) {
    const { from, to } = placeOf(written, kind);
    written = `${written.slice(0, from)}\n\n${resultsOf(kind, new Map(ofKind), whence)}\n${written.slice(to)}`;
  }
  return written;
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

function resultsOf(kind: string, runs: Runs, { command, rounds, machine, at }: Whence): string {
  const how = rounds === 1 ? 'one round' : `medians of ${rounds} rounds, and between what they lay`;
  const lines = [
    `### ${kind[0]?.toUpperCase()}${kind.slice(1)}`,
    '',
    `\`${command}\`, ${new Date(at).toISOString().slice(0, 10)}: ${how}. ${machine}.`,
    '',
  ];
  for (const [place, isMeant] of [
    (figure: string) => !TAKES.test(figure),
    (figure: string) => TAKES.test(figure),
  ].entries()) {
    const table = tableOf(runs, isMeant, HEADS[place] as string);
    if (table !== undefined) lines.push(...table, '');
  }
  for (const { file } of ratePlots(mediansOf(runs))) lines.push(`![${file}](${file})`, '');
  return lines.join('\n');
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
  const names = setups.map((setup) => setup.slice(kindOf(setup).length).replace(/^: /, ''));
  const words = figures.map(wordsOf);
  const rows =
    figures.length > setups.length
      ? [
          [head, ...names],
          ...figures.map((figure, i) => [words[i], ...setups.map((setup) => cell(setup, figure))]),
        ]
      : [
          [head, ...words],
          ...setups.map((setup, i) => [names[i], ...figures.map((figure) => cell(setup, figure))]),
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
