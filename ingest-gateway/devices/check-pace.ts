/** Share of a new duration in the average. */
const WEIGHT = 0.1;
/** What is left of the slowest one with each check: a moment in which the machine was busy is forgotten. */
const FADING = 0.99;

/** How long checks of slow hashes take on this machine now: how long one more would have to wait follows from it. */
export class CheckPace {
  #averageMs = 0;
  #slowestMs = 0;

  took(ms: number): void {
    this.#averageMs = this.#averageMs === 0 ? ms : this.#averageMs + WEIGHT * (ms - this.#averageMs);
    this.#slowestMs = Math.max(ms, this.#slowestMs * FADING);
  }

  /** 0 = nothing was ever checked. */
  get averageMs(): number {
    return this.#averageMs;
  }

  get slowestMs(): number {
    return this.#slowestMs;
  }
}
