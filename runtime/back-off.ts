import { LIMITS } from '#contract/limits.ts';
import { forgetOldest } from '#runtime/forget-oldest.ts';

export interface BackOffOptions {
  /** Failures that cost nothing but themselves. */
  readonly free: number;
  /** The first wait after those, milliseconds. It doubles with each further failure. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** Failures are forgotten when none came for so long, milliseconds. */
  readonly forgetMs: number;
  /** Keys remembered. */
  readonly capacity: number;
}

/** For whoever tries a password. */
export const BACK_OFF: BackOffOptions = {
  free: 5,
  firstWaitMs: LIMITS.loginWaitMs,
  longestWaitMs: 5 * 60 * 1000,
  forgetMs: 15 * 60 * 1000,
  capacity: 20_000,
};

/** Failures of one key, and until when it has to wait for the next try. */
interface Failures {
  count: number;
  waitUntil: number;
  lastAt: number;
}

/**
 * A wait that grows with each failure of a key: an address, a device, the two together. Bounded in memory. It decides
 * only: who tries while it has to wait is turned away by the caller, and not counted again.
 */
export class BackOff {
  readonly #options: BackOffOptions;
  readonly #now: () => number;
  readonly #failures = new Map<string, Failures>();

  /** @param now milliseconds on a clock that does not jump. */
  constructor(options: Partial<BackOffOptions> = {}, now: () => number = () => performance.now()) {
    this.#options = { ...BACK_OFF, ...options };
    this.#now = now;
  }

  /** Milliseconds until the next try; 0 = now. */
  waitMs(key: string): number {
    return Math.max(0, (this.#failures.get(key)?.waitUntil ?? 0) - this.#now());
  }

  failed(key: string): void {
    const { free, forgetMs, firstWaitMs, longestWaitMs, capacity } = this.#options;
    const now = this.#now();
    const known = this.#failures.get(key);
    const count = known === undefined || now - known.lastAt > forgetMs ? 1 : known.count + 1;
    // Far beyond the longest wait the power would overflow.
    const doublings = Math.min(count - free, 30);
    const wait = doublings <= 0 ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** (doublings - 1));
    this.#failures.delete(key);
    this.#failures.set(key, { count, waitUntil: now + wait, lastAt: now });
    forgetOldest(this.#failures, capacity);
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  forgetThose(matches: (key: string) => boolean): void {
    for (const key of this.#failures.keys()) if (matches(key)) this.#failures.delete(key);
  }
}
