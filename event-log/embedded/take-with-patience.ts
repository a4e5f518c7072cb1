import { pause } from '#runtime/retry.ts';

const POLL_MS = 20;

/**
 * What `take` gives as soon as it gives something, tried once at least.
 *
 * @returns undefined when it gave nothing for so long
 */
export async function takeWithPatience<Taken>(
  patienceMs: number,
  take: () => Taken | undefined,
): Promise<Taken | undefined> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const taken = take();
    if (taken !== undefined || performance.now() >= giveUpAt) return taken;
    await pause(POLL_MS);
  }
}
