import {
  type AnsweredPartition,
  type FetchedPartition,
  firstOffsetOf,
  mayBeDamage,
  withRecords,
} from '#event-log/kafka/wire/fetch-answers.ts';
import { DamagedBatch } from '#event-log/kafka/wire/fetched-record.ts';

/** Asks a broker what stands from an offset on, without waiting. @throws when it does not answer */
export type AskBroker = (offset: number, maxBytes: number) => Promise<AnsweredPartition>;

/** What a broker reads from before damage, in which it finds its way by the index alone. */
const BYTES_FROM_BEFORE = 1024 * 1024;
/** A single batch comes whole, however little is asked for. */
const ONE_BATCH_BYTES = 1;

/**
 * What stands from `offset` on, where the broker cannot read: its disk has spoilt a batch header there. A broker finds an
 * offset by its index, which has an entry every 4 KiB, and goes from header to header; behind a damaged one it finds
 * nothing until the next entry. What it sends are bytes of the file, though, right through the damage: so first it is
 * asked for the offset before. Where that does not help it is asked for later offsets, until it can answer, and what is
 * before that is lost.
 *
 * @param end offset behind what is known to be there
 * @param why what it said, for people
 * @returns records, a `DamagedBatch` among them; undefined when it can read nothing up to the end: then it may be the
 *   broker, not a place on its disk
 */
export async function behindDamage(
  ask: AskBroker,
  offset: number,
  end: number,
  why: string,
): Promise<FetchedPartition | undefined> {
  const seen = await seenFromBefore(ask, offset, offset);
  if (seen !== undefined) return seen;
  const found = await nextReadable(ask, offset, end);
  if (found === undefined) return undefined;
  const timestamp = found.messages[0]?.timestamp ?? 0;
  return { ...found, messages: [new DamagedBatch(offset, found.from - 1, timestamp, null, why)] };
}

/**
 * The records from `offset` on as they come when the one before is asked for; undefined when there are none in that.
 *
 * @param damagedAt offset that the broker itself cannot read
 */
export async function seenFromBefore(
  ask: AskBroker,
  offset: number,
  damagedAt?: number,
): Promise<FetchedPartition | undefined> {
  if (offset === 0) return undefined;
  const answered = await ask(offset - 1, BYTES_FROM_BEFORE);
  if (answered.errorCode !== 0) return undefined;
  const fetched = await withRecords(answered, offset - 1, damagedAt);
  const messages = fetched.messages.filter(({ position }) => position >= offset);
  return messages.length === 0 ? undefined : { ...fetched, messages };
}

/**
 * With what is missing before the first batch told as damage: a broker passes over a batch whose header says an offset
 * before it, and of the oldest one nothing can be asked for before (`seenFromBefore`). For a partition that is never
 * compacted and whose oldest record stands at `offset`: there nothing else leaves a gap.
 */
export function withLostBeginning(fetched: FetchedPartition, offset: number): FetchedPartition {
  const [next] = fetched.messages;
  const last = firstOffsetOf(fetched, offset) - 1;
  if (next === undefined || last < offset) return fetched;
  const why = 'the broker passes over what stands at the beginning of the partition';
  const lost = new DamagedBatch(offset, last, next.timestamp, null, why);
  return { ...fetched, messages: [lost, ...fetched.messages] };
}

/**
 * The first offset that the broker can read again. One after the other is asked for, further on in steps of a thousandth of
 * what lies behind: so no readable stretch is missed that is longer than that, and a lost gigabyte takes seconds.
 */
async function nextReadable(
  ask: AskBroker,
  offset: number,
  end: number,
): Promise<(FetchedPartition & { readonly from: number }) | undefined> {
  const read = async (from: number) => {
    const answered = await ask(from, ONE_BATCH_BYTES);
    if (mayBeDamage(answered.errorCode) || answered.bytes.length === 0) return undefined;
    return { ...(await withRecords(answered, from)), from };
  };
  let unreadable = offset;
  for (let step = 1; unreadable + step < end; step = 1 + ((unreadable - offset) >> 10)) {
    let found = await read(unreadable + step);
    if (found === undefined) {
      unreadable += step;
      continue;
    }
    while (found.from - unreadable > 1) {
      const middle = (found.from + unreadable) >> 1;
      const earlier = await read(middle);
      if (earlier === undefined) unreadable = middle;
      else found = earlier;
    }
    return found;
  }
  return undefined;
}
