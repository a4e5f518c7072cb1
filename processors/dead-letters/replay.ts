import type { Mappings } from '#contract/mapping/mappings.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { carryOut } from './carry-out.ts';
import { takeDeadLettersLock } from './dead-letters-lock.ts';
import { forEachInFlight } from './in-flight-window.ts';
import { type JudgeAt, judge, type Verdict } from './judge.ts';
import { LetterCensus } from './letter-census.ts';
import { type LetterFilter, matches } from './letter-filter.ts';
import { type DeadLettersDeps, forgetExpiredStates, readLetterStates } from './letter-states.ts';
import { type Letter, readLetters, statusOf } from './letters.ts';

export interface ReplayOptions {
  readonly filter: LetterFilter;
  /** Judge only, change nothing. */
  readonly dryRun: boolean;
  /** Default: by the time of receipt, which is wrong where the gateway's clock was. */
  readonly judgeAt?: JudgeAt | undefined;
  /** Also parked letters, by what they were refused for before: without it only those that are asked for as such. */
  readonly parked?: boolean | undefined;
  /** Letters a second; `undefined` = as fast as the log takes them. */
  readonly ratePerSecond?: number | undefined;
  /** When it fires the letters in flight are finished, and no other is begun. */
  readonly signal: AbortSignal;
  /** {@link takeDeadLettersLock}, when the caller has it already; it stays the caller's. */
  readonly lock?: AsyncDisposable | undefined;
  readonly onProgress?: (summary: ReplaySummary) => void;
}

/** Numbers of letters. */
export interface ReplaySummary {
  dryRun: boolean;
  /** That the filter chose. */
  letters: number;
  passed: number;
  failedAgain: number;
  parked: number;
  /** Left as they are, because a replay makes no sense. */
  unreplayable: number;
  /** Parked ones that were left alone, because they were not asked for. */
  leftParked: number;
  /** Letters that failed, were parked or cannot be replayed: how many for which reason, and one of them. */
  readonly why: Map<
    RejectReason,
    { letters: number; example: { readonly id: string; readonly detail: unknown } }
  >;
  interrupted: boolean;
  /** Why there was nothing to do; `undefined` when there was. */
  whyNothing: string | undefined;
}

/**
 * Letters replayed at the same time, so that they share the log's commits. A crash repeats at most these, which P3
 * makes harmless; their payloads are at most 64 × 64 KiB.
 */
const IN_FLIGHT = 64;

/**
 * Replays letters: judges each again and does what the verdict says (`carryOut`). What was done is kept letter by
 * letter, so that a replay can end at any moment and be run again.
 *
 * @throws PipelineError `event-log-unavailable` when another command changes letters, or the log cannot be reached
 * @throws PipelineError `not-durable`; what was done until then is kept.
 */
export async function replayLetters(
  options: ReplayOptions,
  deps: DeadLettersDeps,
  schemas: SchemaRegistry,
  mappings?: Mappings,
): Promise<ReplaySummary> {
  const { filter, dryRun, signal } = options;
  const summary: ReplaySummary = {
    dryRun,
    letters: 0,
    passed: 0,
    failedAgain: 0,
    parked: 0,
    unreplayable: 0,
    leftParked: 0,
    why: new Map(),
    interrupted: false,
    whyNothing: undefined,
  };
  const census = new LetterCensus(filter.ids);
  const parkedToo =
    options.parked === true || filter.ids !== undefined || filter.reasons?.has('replay-limit') === true;

  await using _lock = dryRun || options.lock ? undefined : await takeDeadLettersLock(deps);
  const states = await readLetterStates(deps.eventLog, deps.topics, signal);
  const chosen = async function* (): AsyncGenerator<Letter> {
    for await (const letter of readLetters(deps.eventLog, deps.topics, states, signal)) {
      census.count(letter);
      if (!matches(filter, letter) && !(options.parked === true && matchedBeforeParking(filter, letter)))
        continue;
      if (parkedToo || statusOf(letter) !== 'parked') yield letter;
      else summary.leftParked++;
    }
  };
  const { interrupted } = await forEachInFlight(
    chosen(),
    { inFlight: IN_FLIGHT, ratePerSecond: dryRun ? undefined : options.ratePerSecond, signal },
    async (letter) => {
      const verdict = judge(letter, schemas, options.judgeAt, mappings);
      count(summary, letter, dryRun ? verdict : await carryOut(letter, verdict, deps));
      options.onProgress?.(summary);
    },
  );
  summary.interrupted = interrupted;
  if (summary.letters + summary.leftParked === 0)
    summary.whyNothing = census.whyNothing(['pending', 'parked']);
  if (!dryRun && !interrupted) await forgetExpiredStates(states, deps);
  return summary;
}

/** A parked letter that is to be tried again is known by what it was refused for, too. */
function matchedBeforeParking(filter: LetterFilter, letter: Letter): boolean {
  const { originalReason: reason } = letter;
  return reason !== undefined && matches(filter, { ...letter, reason }, undefined, statusOf(letter));
}

function count(summary: ReplaySummary, letter: Letter, verdict: Verdict): void {
  summary.letters++;
  if (verdict.kind === 'passes') {
    summary.passed++;
    return;
  }
  if (verdict.kind === 'unreplayable') summary.unreplayable++;
  else if (verdict.parks) summary.parked++;
  else summary.failedAgain++;
  const [reason, detail] =
    verdict.kind === 'fails'
      ? [verdict.reason, verdict.detail]
      : [letter.reason, { message: `cannot be replayed: ${verdict.why}` }];
  const known = summary.why.get(reason);
  if (known !== undefined) known.letters++;
  else summary.why.set(reason, { letters: 1, example: { id: letter.id, detail } });
}
