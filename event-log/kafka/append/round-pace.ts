/** Rounds begin this far apart on the average, unless there is much to send. Milliseconds. */
const APART_MS = 5;
/** So many may begin right behind each other after a quiet moment: where a few messages a second come, two of them often do. */
const AT_ONCE = 2;
/** So much is worth a request of its own. */
const MANY_RECORDS = 500;

/**
 * How long the next round waits for more records. Pure.
 *
 * A Produce request costs a broker about as much as a hundred records in it do, and readings of many devices come one by
 * one, so a request for each made a broker busiest when there was little to do. The first records after a quiet moment go
 * at once; those that come right behind gather. With much to send a round takes longer than that anyway, and nothing waits.
 *
 * @param aheadMs until the rounds so far would have been {@link APART_MS} apart; 0 or less after a quiet moment
 * @param waiting records that are to be sent
 */
export function roundDelayMs(aheadMs: number, waiting: number): number {
  return waiting >= MANY_RECORDS ? 0 : Math.max(0, aheadMs - (AT_ONCE - 1) * APART_MS);
}

/**
 * @param evenAt when the rounds so far would have been {@link APART_MS} apart
 * @param now when one begins
 * @returns the same with that one
 */
export function evenAfterRound(evenAt: number, now: number): number {
  // What went without waiting, because it was much, is not owed.
  return Math.min(Math.max(evenAt, now) + APART_MS, now + AT_ONCE * APART_MS);
}
