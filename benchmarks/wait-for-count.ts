import { setTimeout as sleep } from 'node:timers/promises';

/** Without progress for so long, something is wrong. */
const GIVE_UP_MS = 60_000;

/**
 * Resolves when exactly `readings` are stored; to the time of it, in milliseconds since the epoch.
 *
 * @param stored how many are now; each look costs whoever counts some milliseconds
 * @param lookMs between two looks
 * @throws Error when more are stored than were acknowledged, or for a minute no further one
 */
export async function waitForCount(
  readings: number,
  stored: () => Promise<number>,
  lookMs: number,
): Promise<number> {
  let before = -1;
  let movedAt = Date.now();
  for (;;) {
    const now = await stored();
    if (now === readings) return Date.now();
    if (now > before) movedAt = Date.now();
    if (now > readings || Date.now() - movedAt > GIVE_UP_MS) {
      throw new Error(`${readings} readings were acknowledged, but ${now} are stored`);
    }
    before = now;
    await sleep(lookMs);
  }
}

/**
 * Resolves when readings begin to be stored; to how many are.
 *
 * @throws Error when for a minute none is
 */
export async function waitForFirst(stored: () => Promise<number>, lookMs: number): Promise<number> {
  const askedAt = Date.now();
  for (;;) {
    const now = await stored();
    if (now > 0) return now;
    if (Date.now() - askedAt > GIVE_UP_MS) throw new Error('for a minute no reading was stored');
    await sleep(lookMs);
  }
}
