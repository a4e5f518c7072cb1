import { takeDeadLettersLock } from './dead-letters-lock.ts';
import { forEachInFlight } from './in-flight-window.ts';
import { type LetterFilter, matches } from './letter-filter.ts';
import { type DeadLettersDeps, keepState, readLetterStates } from './letter-states.ts';
import { type Letter, readLetters } from './letters.ts';

const IN_FLIGHT = 64;

/**
 * Marks letters as dealt with, without doing anything about them: many messages cannot be repaired, and as long as
 * they count as pending they hide the ones that can.
 *
 * @throws PipelineError `event-log-unavailable` when another replay runs, or the log cannot be reached
 * @throws PipelineError `not-durable`; what was done until then is kept.
 */
export async function dismissLetters(
  filter: LetterFilter,
  signal: AbortSignal,
  deps: DeadLettersDeps,
): Promise<{ readonly dismissed: number; readonly interrupted: boolean }> {
  await using _lock = await takeDeadLettersLock(deps);
  const states = await readLetterStates(deps.eventLog, deps.topics, signal);
  const chosen = async function* (): AsyncGenerator<Letter> {
    for await (const letter of readLetters(deps.eventLog, deps.topics, states, signal)) {
      if (matches(filter, letter)) yield letter;
    }
  };
  let dismissed = 0;
  const { interrupted } = await forEachInFlight(chosen(), { inFlight: IN_FLIGHT, signal }, async (letter) => {
    await keepState(letter, { outcome: 'dismissed', at: deps.now(), attempt: letter.attempt }, deps);
    dismissed++;
  });
  return { dismissed, interrupted };
}
