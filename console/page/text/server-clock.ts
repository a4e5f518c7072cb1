/**
 * The time of day as the server has it: what is told as "ago", and spans that end now, are about its times, and the clock of whoever
 * looks may be off by a day.
 */

/** Less than that is the way of an answer, and the second to which it tells its time. Milliseconds. */
const WORTH_MS = 5_000;
let aheadMs = 0;

/** Milliseconds since the epoch. */
export function now(): number {
  return Date.now() - aheadMs;
}

/** @param date header `Date` of an answer that came just now */
export function serverSaid(date: string | null): void {
  const ahead = Date.now() - Date.parse(date ?? '');
  if (Number.isFinite(ahead)) aheadMs = Math.abs(ahead) < WORTH_MS ? 0 : ahead;
}
