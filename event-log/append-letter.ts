import { bareLetter, cutLetter, type DeadLetter, encodeDeadLetter } from '#contract/dead-letter.ts';
import type { AppendRecord } from '#contract/log-record.ts';
import { hasCode } from '#runtime/errors.ts';

/** Bytes of its payload that a letter keeps, attempt after attempt, while the log refuses it for good. */
const KEPT_BYTES = [Infinity, 64 * 1024, 1024, 64];

/**
 * Appends a dead letter, with as much of its payload, and in the end of the rest, as the log takes: a letter that is refused
 * as a whole would hold up everything behind it, and its device, for ever.
 *
 * @param record what else is to be said of the record
 * @throws what `append` throws, `refused` only when even a few bytes are refused
 */
export async function appendLetter<Position>(
  log: { append(record: AppendRecord, deadlineAt: number): Promise<Position> },
  topic: string,
  letter: DeadLetter,
  deadlineAt: number,
  record: Pick<AppendRecord, 'owed'> = {},
): Promise<Position> {
  for (const keptBytes of KEPT_BYTES) {
    if (keptBytes < Infinity && letter.payload.length <= keptBytes) continue;
    try {
      return await append(cutLetter(letter, keptBytes));
    } catch (error) {
      if (!hasCode(error, 'refused')) throw error;
    }
  }
  return append(bareLetter(letter));

  function append(cut: DeadLetter): Promise<Position> {
    return log.append({ ...encodeDeadLetter(topic, cut), ...record }, deadlineAt);
  }
}
