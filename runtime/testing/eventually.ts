import { vi } from 'vitest';

/** Above everything a busy machine was seen to need for one step of a test, below the time-out of a test. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 10;

/**
 * Waits until `check` passes, and gives what it gave. The one way in which a test waits for what it cannot await: how
 * long that takes says how busy the machine is, and never decides whether a test passes.
 *
 * @throws what `check` threw last, once the patience has ended: `withinMs` for what is known to take longer than
 *   anything does in one process (real services that start, fail over or catch up).
 */
export function eventually<T>(check: () => T | Promise<T>, { withinMs = PATIENCE_MS } = {}): Promise<T> {
  return vi.waitFor(check, { timeout: withinMs, interval: LOOK_EVERY_MS });
}
