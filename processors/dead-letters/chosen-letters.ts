import type { ProgressDisplay } from '#runtime/progress-display.ts';
import { type DeadLettersDeps, readLetterStates } from './letter-states.ts';
import { type Letter, readLetters } from './letters.ts';

/** Letters between two words about progress. */
const STEP = 500;

/** Every letter there is, telling how many of them were read. */
export async function* lettersWithProgress(
  deps: DeadLettersDeps,
  signal: AbortSignal,
  progress: ProgressDisplay,
): AsyncGenerator<Letter> {
  const { eventLog, topics } = deps;
  const states = await readLetterStates(eventLog, topics, signal);
  const [begin, end] = await Promise.all([
    eventLog.offsetsAt(topics.deadLetters, 0),
    // Nothing is as young as that.
    eventLog.offsetsAt(topics.deadLetters, Number.MAX_SAFE_INTEGER),
  ]);
  const total = [...end].reduce((sum, [partition, offset]) => sum + offset - (begin.get(partition) ?? 0), 0);
  let read = 0;
  for await (const letter of readLetters(eventLog, topics, states, signal)) {
    if (++read % STEP === 0) progress.show(`reading ${read} of ${total} letters`, read / total);
    yield letter;
  }
}
