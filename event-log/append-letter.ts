import { bareLetter, cutLetter, type DeadLetter, encodeDeadLetter } from '#contract/dead-letter.ts';
import type { AppendRecord } from '#contract/log-record.ts';
import { hasCode } from '#runtime/errors.ts';

/** Bytes of its payload that a letter keeps, attempt after attempt, while the log refuses it for good. */
const FEW_BYTES = 64;
const KEPT_BYTES = [64 * 1024, 1024, FEW_BYTES];
/** Then, characters of each other part that is not left out. */
const KEPT_CHARACTERS = [Infinity, 128, 0];

/**
 * Appends a dead letter, with as much of it as the log takes: a letter that is refused as a whole would hold up everything behind
 * it, and its device, for ever. First goes what no replay needs, last what its labels or its topic are.
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
  let refusal: unknown;
  for (const smaller of everSmaller(letter)) {
    try {
      return await log.append({ ...encodeDeadLetter(topic, smaller), ...record }, deadlineAt);
    } catch (error) {
      if (!hasCode(error, 'refused')) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

function* everSmaller(letter: DeadLetter): Generator<DeadLetter> {
  yield letter;
  yield bareLetter(letter, Infinity);
  for (const bytes of KEPT_BYTES) if (letter.payload.length > bytes) yield cutLetter(letter, bytes);
  for (const characters of KEPT_CHARACTERS) yield bareLetter(cutLetter(letter, FEW_BYTES), characters);
}
