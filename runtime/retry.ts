import { setTimeout as sleep } from 'node:timers/promises';

/** Capped exponential back-off. Delays are milliseconds. */
export interface Backoff {
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** Share of each delay that is random (0–1), so that many clients do not come back in step. */
  readonly jitter: number;
}

/** Delay before attempt number `attempt` + 1; `attempt` counts the failures so far, from 1. `random` gives [0, 1). */
export function backoffDelayMs(backoff: Backoff, attempt: number, random: () => number): number {
  const full = Math.min(backoff.maxDelayMs, backoff.firstDelayMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full * (1 - backoff.jitter * random()));
}

/** Waits; resolves false instead of true when `signal` fires first. Never rejects. */
export async function pause(delayMs: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted) return false;
  try {
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
    return true;
  } catch {
    return false;
  }
}
