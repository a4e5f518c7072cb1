import type { LetterStatus } from '#contract/letter-status.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import { takeDeadLettersLock } from './dead-letters-lock.ts';
import { forEachInFlight } from './in-flight-window.ts';
import { LetterCensus } from './letter-census.ts';
import { type LetterFilter, matches } from './letter-filter.ts';
import { type DeadLettersDeps, keepState, readLetterStates } from './letter-states.ts';
import { type Letter, readLetters, statusOf } from './letters.ts';

const IN_FLIGHT = 64;

export interface ChangeOptions {
  readonly filter: LetterFilter;
  /** Says what would be changed, changes nothing. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  /** {@link takeDeadLettersLock}, when the caller has it already; it stays the caller's. */
  readonly lock?: AsyncDisposable | undefined;
  /** Told of each. @param changed so far */
  readonly onProgress?: (changed: number) => void;
}

export interface ChangeResult {
  /** Letters, altogether and by reason. */
  readonly changed: number;
  readonly reasons: Readonly<Partial<Record<RejectReason, number>>>;
  readonly interrupted: boolean;
  /** Why there was nothing to do; `undefined` when there was. */
  readonly whyNothing: string | undefined;
}

/**
 * Marks letters as dealt with, without doing anything about them: many messages cannot be repaired, and as long as
 * they count as pending they hide the ones that can.
 *
 * @throws PipelineError `event-log-unavailable` when another command changes letters, or the log cannot be reached
 * @throws PipelineError `not-durable`; what was done until then is kept.
 */
export function dismissLetters(options: ChangeOptions, deps: DeadLettersDeps): Promise<ChangeResult> {
  return changeLetters(options, deps, ['pending', 'parked'], (letter) =>
    keepState(letter, { outcome: 'dismissed', at: deps.now(), attempt: letter.attempt }, deps),
  );
}

/** Takes back dismissals: the letters wait again, with the attempts that they had. @throws as {@link dismissLetters} */
export function undismissLetters(options: ChangeOptions, deps: DeadLettersDeps): Promise<ChangeResult> {
  return changeLetters(options, deps, ['dismissed'], ({ attempt, reason, ...letter }) =>
    keepState(
      letter,
      attempt === 0 ? undefined : { outcome: 'failed-again', at: deps.now(), attempt, reason },
      deps,
    ),
  );
}

async function changeLetters(
  { filter, dryRun, signal, lock, onProgress }: ChangeOptions,
  deps: DeadLettersDeps,
  wanted: readonly LetterStatus[],
  change: (letter: Letter) => Promise<void>,
): Promise<ChangeResult> {
  await using _lock = dryRun || lock ? undefined : await takeDeadLettersLock(deps);
  const states = await readLetterStates(deps.eventLog, deps.topics, signal);
  const census = new LetterCensus(filter.ids);
  const chosen = async function* (): AsyncGenerator<Letter> {
    for await (const letter of readLetters(deps.eventLog, deps.topics, states, signal)) {
      census.count(letter);
      if (wanted.includes(statusOf(letter)) && matches({ ...filter, all: true }, letter)) yield letter;
    }
  };
  const reasons: Partial<Record<RejectReason, number>> = {};
  let changed = 0;
  const { interrupted } = await forEachInFlight(chosen(), { inFlight: IN_FLIGHT, signal }, async (letter) => {
    if (!dryRun) await change(letter);
    changed++;
    onProgress?.(changed);
    reasons[letter.reason] = (reasons[letter.reason] ?? 0) + 1;
  });
  return { changed, reasons, interrupted, whyNothing: changed === 0 ? census.whyNothing(wanted) : undefined };
}
