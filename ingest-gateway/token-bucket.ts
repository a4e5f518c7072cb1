/**
 * The sustained rate of one device: tokens come in steadily up to `burst`, each packet takes one. The bucket may be
 * overdrawn by what was read at once; then the device waits until the debt is paid, so that the rate holds on average.
 */
export class TokenBucket {
  #perMs: number;
  #burst: number;
  #tokens: number;
  #filledAt: number;
  /** What saved up tokens do not pay is paid until then. */
  #paidAt = -Infinity;

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
    const unpaid = Math.max(0, this.#paidAt - nowMs) * this.#perMs;
    this.#perMs = perSecond / 1000;
    this.#paidAt = nowMs + unpaid / this.#perMs;
    this.#burst = burst;
    this.#tokens = Math.min(burst, this.#tokens);
  }

  take(tokens: number): void {
    this.#tokens -= tokens;
  }

  /** Takes tokens that nothing saved up pays: no other one is there until as many as these have come in. */
  takeAtRate(tokens: number, nowMs: number): void {
    this.#tokens -= tokens;
    this.#paidAt = Math.max(this.#paidAt, nowMs) + tokens / this.#perMs;
  }

  /** Milliseconds until there is a token; 0 = there is one. */
  waitMs(nowMs: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#filledAt) * this.#perMs);
    this.#filledAt = nowMs;
    const untilPaid = Math.max(0, Math.ceil(this.#paidAt - nowMs));
    return this.#tokens >= 1 ? untilPaid : Math.max(untilPaid, Math.ceil((1 - this.#tokens) / this.#perMs));
  }
}
