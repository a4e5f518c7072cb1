/**
 * The sustained rate of one device: tokens come in steadily up to `burst`, each packet takes one. The bucket may be
 * overdrawn by what was read at once; then the device waits until the debt is paid, so that the rate holds on average.
 */
export class TokenBucket {
  #perMs: number;
  #burst: number;
  #tokens: number;
  #filledAt: number;

  /** @param nowMs on the clock of `performance.now()`, here and below. */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = nowMs;
  }

  /** From now on; what was saved up, or is owed, stays. */
  change(perSecond: number, burst: number, nowMs: number): void {
    this.waitMs(nowMs);
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = Math.min(burst, this.#tokens);
  }

  take(tokens: number): void {
    this.#tokens -= tokens;
  }

  /** Milliseconds until there is a token; 0 = there is one. */
  waitMs(nowMs: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#filledAt) * this.#perMs);
    this.#filledAt = nowMs;
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }
}
