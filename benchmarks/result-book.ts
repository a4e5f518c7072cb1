import { readFileSync } from 'node:fs';
import path from 'node:path';
import { PipelineError } from '#runtime/errors.ts';
import { keepResult, readResults, replaceFile, type Whence } from './kept-results.ts';
import { WITH_CHANGES } from './machine.ts';
import type { Figures } from './measurements.ts';
import { kindOf } from './plan.ts';
import { ratePlots } from './rate-plots.ts';
import { mediansOf } from './report.ts';
import { assertPlaces, writeResults } from './written-results.ts';

/**
 * The results that are kept: each measurement as it was last made, as a line of `benchmarks.jsonl`, and what a reader sees of them,
 * the tables of `benchmarks.md` and the plots beside it. One measurement is written at a time, as soon as it was made.
 */
export class ResultBook {
  readonly #folder: string;
  readonly #whence: Whence;

  /** @param folder in which they are. */
  constructor(folder: string, whence: Whence) {
    this.#folder = folder;
    this.#whence = whence;
  }

  /** @throws PipelineError `usage`: a kind has no place in the document, which is better known before the hour. */
  assertPlaces(kinds: Iterable<string>): void {
    assertPlaces(readFileSync(this.#document, 'utf8'), kinds);
  }

  /**
   * What was measured already of this commit on this machine, by measurement.
   *
   * @throws PipelineError `usage`: this is no commit, and another one might have been measured
   */
  measured(): Map<string, readonly Figures[]> {
    const { machine } = this.#whence;
    if (machine.includes(WITH_CHANGES))
      throw new PipelineError('usage', '--resume: there are changes that are not committed');
    const same = readResults(this.#results).filter((result) => result.machine === machine);
    return new Map(same.map(({ measurement, runs }) => [measurement, runs]));
  }

  /** Takes the place of what was kept of this measurement. @param runs all of it */
  write(measurement: string, runs: readonly Figures[]): void {
    const kind = kindOf(measurement);
    const kept = keepResult(this.#results, { measurement, ...this.#whence, runs });
    // Read again: whoever writes in it meanwhile keeps that.
    replaceFile(this.#document, writeResults(readFileSync(this.#document, 'utf8'), kind, kept));
    for (const { file, svg } of ratePlots(mediansOf(new Map([[measurement, runs]]))))
      replaceFile(path.join(this.#folder, file), svg);
  }

  get #document(): string {
    return path.join(this.#folder, 'benchmarks.md');
  }

  get #results(): string {
    return path.join(this.#folder, 'benchmarks.jsonl');
  }
}
