/** Rounds begin at least this far apart, unless there is much to send. Milliseconds. */
const APART_MS = 5;
/** So much is worth a request of its own. */
const MANY_RECORDS = 500;

/**
 * How long the next round waits for more records. Pure.
 *
 * A Produce request costs a broker about as much as a hundred records in it do, and readings of many devices come one by
 * one, so a request for each made a broker busiest when there was little to do. The first record after a quiet moment goes
 * at once; those that come right behind a round gather until it is {@link APART_MS} old. With much to send a round takes
 * longer than that anyway, and nothing waits.
 *
 * @param sinceLastMs since the last round began
 * @param waiting records that are to be sent
 */
export function roundDelayMs(sinceLastMs: number, waiting: number): number {
  return waiting >= MANY_RECORDS ? 0 : Math.max(0, APART_MS - sinceLastMs);
}
