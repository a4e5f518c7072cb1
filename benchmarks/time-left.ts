import type { Measurement } from './plan.ts';

/**
 * How long a run of the benchmark is still going to take: what was measured already takes as long again, and what was not as
 * long as it is said to take (`Measurement.seconds`), as much slower or faster as the others were.
 */
export class TimeLeft {
  readonly #expected: ReadonlyMap<string, number>;
  readonly #took = new Map<string, number>();

  constructor(measurements: readonly Measurement[]) {
    this.#expected = new Map(measurements.map(({ name, seconds }) => [name, seconds]));
  }

  /** One round of it. */
  took(name: string, seconds: number): void {
    this.#took.set(name, seconds);
  }

  /** @param rounds that are still to come of each. @returns seconds */
  left(rounds: Iterable<readonly [name: string, rounds: number]>): number {
    let expected = 0;
    let took = 0;
    for (const [name, seconds] of this.#took) {
      expected += this.#expected.get(name) ?? 0;
      took += seconds;
    }
    const pace = expected === 0 ? 1 : took / expected;
    let left = 0;
    for (const [name, times] of rounds)
      left += times * (this.#took.get(name) ?? (this.#expected.get(name) ?? 0) * pace);
    return left;
  }
}
