import type { Ratio } from './against.ts';
import type { Figures } from './measurements.ts';

/** Of each figure of each measurement the median over its runs. */
export function mediansOf(runs: ReadonlyMap<string, readonly Figures[]>): ReadonlyMap<string, Figures> {
  return new Map(
    Array.from(runs, ([name, figures]) => [
      name,
      Object.fromEntries(
        Object.keys(figures[0] ?? {}).map((figure) => [
          figure,
          median(figures.map((run) => run[figure] ?? Number.NaN)),
        ]),
      ),
    ]),
  );
}

/**
 * One block per measurement: the median of each figure, and between what it lay; rates also as multiples of the bare broker's,
 * when that was measured.
 */
export function formatReport(runs: ReadonlyMap<string, readonly Figures[]>): string {
  const medians = mediansOf(runs);
  const [bare] = [...medians].find(([name]) => name.startsWith('throughput: bare'))?.slice(1) ?? [];
  const bareRate = (bare as Figures | undefined)?.['acknowledgedPerSecond'];
  let text = '';
  for (const [name, figures] of medians) {
    text += `${name}\n`;
    for (const [figure, value] of Object.entries(figures)) {
      const all = (runs.get(name) ?? []).map((run) => run[figure] ?? Number.NaN);
      const spread = all.length < 2 ? '' : `  (${spreadOf(all)})`;
      const ratio =
        figure.endsWith('PerSecond') && bareRate !== undefined
          ? `  ${(value / bareRate).toFixed(2)} × bare Aedes`
          : '';
      text += `  ${figure.padEnd(26)}${rounded(value).padStart(12)}${spread}${ratio}\n`;
    }
  }
  return text;
}

/** A line for each figure: both medians, their ratio, and between what it lay. */
export function formatRatios(ratios: readonly Ratio[]): string {
  let text = '';
  let measurement = '';
  for (const { figure, ours, theirs, ratio, ...rest } of ratios) {
    if (rest.measurement !== measurement) text += `${rest.measurement}\n`;
    measurement = rest.measurement;
    text +=
      `  ${figure.padEnd(24)}${rounded(ours).padStart(12)} :${rounded(theirs).padStart(12)}` +
      `   ${ratio.median.toFixed(2)}  (${ratio.least.toFixed(2)}–${ratio.most.toFixed(2)})\n`;
  }
  return text;
}

/** The median of some runs, and between what it lay. */
export function formatFigure(runs: readonly number[]): string {
  const middle = rounded(median(runs));
  return runs.length < 2 ? middle : `${middle} (${spreadOf(runs)})`;
}

function spreadOf(runs: readonly number[]): string {
  return `${rounded(Math.min(...runs))}–${rounded(Math.max(...runs))}`;
}

function rounded(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 2 : 0 });
}

/** Of an even number: the middle of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
