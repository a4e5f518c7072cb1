/** Resolves when `signal` fires, or at once when it already has. */
export function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Waits for `work`, but not longer than until `signal` fires. Leaves nothing behind on the signal, which may outlive
 * many waits. The work itself goes on; a rejection of it after that is nobody's any more.
 *
 * @returns whether the work was done before.
 * @throws what `work` rejects with, before.
 */
export async function doneBefore(signal: AbortSignal, work: Promise<unknown>): Promise<boolean> {
  const aborted = Promise.withResolvers<false>();
  const onAbort = (): void => aborted.resolve(false);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([aborted.promise, work.then(() => true)]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
