/** Consecutive records. */
export interface OffsetRange {
  readonly baseOffset: number;
  readonly records: number;
}

/**
 * The offsets between `from` and `to` that none of the rows holds: of a topic from which nothing is removed but its
 * beginning, these records are lost.
 *
 * @param rows in the order of their offsets.
 */
export function* lostRecords(rows: Iterable<OffsetRange>, from: number, to: number): Generator<OffsetRange> {
  let next = from;
  for (const { baseOffset, records } of rows) {
    if (baseOffset > next) yield { baseOffset: next, records: baseOffset - next };
    next = Math.max(next, baseOffset + records);
  }
  if (to > next) yield { baseOffset: next, records: to - next };
}
