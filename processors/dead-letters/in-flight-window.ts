import { pause } from '#runtime/retry.ts';

export interface WindowOptions {
  /** At most this many items are being worked on at the same time. */
  readonly inFlight: number;
  /** At most this many items are begun in a second; `undefined` = as fast as it goes. */
  readonly ratePerSecond?: number | undefined;
  /** When it fires no further item is begun; those in flight are finished. */
  readonly signal: AbortSignal;
}

/**
 * Works on items in their order, several at a time: each is begun before the next one is read, so that appends of one
 * device are called in the order of its letters.
 *
 * @returns whether the signal ended it early.
 * @throws the first failure, after everything in flight has ended; nothing is begun after it.
 */
export async function forEachInFlight<T>(
  items: AsyncIterable<T>,
  { inFlight, ratePerSecond, signal }: WindowOptions,
  work: (item: T) => Promise<void>,
): Promise<{ readonly interrupted: boolean }> {
  const working = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const startedAt = performance.now();
  let begun = 0;
  try {
    for await (const item of items) {
      if (ratePerSecond !== undefined) {
        const dueAt = startedAt + (begun * 1000) / ratePerSecond;
        await pause(Math.max(0, Math.ceil(dueAt - performance.now())), signal);
      }
      while (working.size >= inFlight) await Promise.race(working);
      if (signal.aborted || failures.length > 0) break;
      begun++;
      const task: Promise<void> = work(item)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => working.delete(task));
      working.add(task);
    }
  } catch (error) {
    // A read that the signal ended rejects; that is how it ends, not a failure.
    if (!signal.aborted) failures.push(error);
  }
  await Promise.all(working);
  if (failures.length > 0) throw failures[0];
  return { interrupted: signal.aborted };
}
