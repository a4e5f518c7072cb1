import type { LetterChange, LetterSubmission } from '#console/api/dead-letters.ts';
import { takeDeadLettersLock } from '#processors/dead-letters/dead-letters-lock.ts';
import { type ChangeResult, dismissLetters, undismissLetters } from '#processors/dead-letters/dismiss.ts';
import type { LetterFilter } from '#processors/dead-letters/letter-filter.ts';
import type { DeadLettersDeps } from '#processors/dead-letters/letter-states.ts';
import { detailText } from '#processors/dead-letters/letter-summary.ts';
import { type ReplaySummary, replayLetters } from '#processors/dead-letters/replay.ts';
import { replayProgress, replaySummaryText } from '#processors/dead-letters/replay-report.ts';
import { submitCorrections } from '#processors/dead-letters/submit.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import { counted } from '#runtime/counted.ts';
import type { JobTold, JobWork } from './jobs.ts';
import { faultOf } from './letter-story.ts';

/** Letters a second: in `npm start` the devices share the process with a replay. The command has no such bound. */
const REPLAYS_PER_SECOND = 500;

export interface ChangeDeps extends DeadLettersDeps {
  readonly contract: CurrentContract;
}

type JudgeAt = LetterChange['judgeAt'];

/** The operations of `npm run dlq`, as jobs. */
export function replayJob(
  filter: LetterFilter,
  { dryRun, judgeAt, parked = false }: Pick<LetterChange, 'dryRun' | 'judgeAt' | 'parked'>,
  deps: ChangeDeps,
): JobWork {
  return {
    kind: 'replay',
    dryRun,
    async run(signal, tell) {
      await using lock = dryRun ? undefined : await lockOn(tell, deps);
      const { schemas, mappings } = deps.contract;
      const judgedAt = judgeAtOf(judgeAt, deps.now);
      const asked = { filter, judgeAt: judgedAt, parked, signal };
      const census = {
        ...asked,
        dryRun: true,
        onProgress: (so: ReplaySummary) => tell(counting(so.letters)),
      };
      if (!dryRun)
        tell(toDo(filter.ids?.size ?? (await replayLetters(census, deps, schemas, mappings)).letters));
      if (signal.aborted) return NOTHING_YET;
      const onProgress = (done: ReplaySummary): void =>
        tell({ ...countsOfReplay(done), sentence: `${replayProgress(done)}.` });
      const options = { ...asked, dryRun, lock, ratePerSecond: REPLAYS_PER_SECOND, onProgress };
      const summary = await replayLetters(options, deps, schemas, mappings);
      return { ...countsOfReplay(summary), sentence: sentenceOf(summary), interrupted: summary.interrupted };
    },
  };
}

export function dismissJob(
  kind: 'dismiss' | 'undo',
  filter: LetterFilter,
  { dryRun }: Pick<LetterChange, 'dryRun'>,
  deps: ChangeDeps,
): JobWork {
  return {
    kind,
    dryRun,
    async run(signal, tell) {
      await using lock = dryRun ? undefined : await lockOn(tell, deps);
      const change = kind === 'dismiss' ? dismissLetters : undismissLetters;
      const told = (changed: number, sentence: string) => {
        const counts = { [kind === 'dismiss' ? 'dismissed' : 'undone']: changed };
        return { done: changed, counts, sentence };
      };
      const onProgress = (changed: number): void =>
        tell(told(changed, `${counted(changed, 'letter')} so far.`));
      const census = { filter, dryRun: true, signal, onProgress: (so: number) => tell(counting(so)) };
      if (!dryRun) tell(toDo(filter.ids?.size ?? (await change(census, deps)).changed));
      if (signal.aborted) return NOTHING_YET;
      const result = await change({ filter, dryRun, lock, signal, onProgress }, deps);
      const sentence = changeSentence(kind, dryRun, result);
      return { ...told(result.changed, sentence), interrupted: result.interrupted };
    },
  };
}

export function submitJob({ id, payload, dryRun, judgeAt }: LetterSubmission, deps: ChangeDeps): JobWork {
  return {
    kind: 'submit',
    dryRun,
    async run(signal) {
      // As the command reads it from a file: one line.
      const line = JSON.stringify({ letter: id, payloadText: payload });
      const summary = await submitCorrections(
        { lines: [line], judgeAt: judgeAtOf(judgeAt, deps.now), dryRun, signal },
        deps,
        deps.contract.schemas,
        deps.contract.mappings,
      );
      const { recovered, refused, problems, interrupted } = summary;
      const told = problems.map(({ problem }) => problem.replace(`letter ${id}: `, ''));
      const handedIn = dryRun ? 'It would pass.' : 'It was handed in, and the letter is recovered.';
      const done = recovered > 0 ? handedIn : 'It was interrupted: nothing was handed in.';
      return {
        done: recovered + refused,
        counts: { recovered, refused },
        sentence: refused > 0 ? `It is refused: ${told.join('; ')}` : done,
        faults: problems.map(({ fault }, index) =>
          faultOf(fault ?? { path: '', message: told[index] as string, place: undefined }),
        ),
        interrupted,
      };
    },
  };
}

/** Taken before anything is counted: who is refused is told so at once. @throws as `takeDeadLettersLock` */
function lockOn(tell: (told: JobTold) => void, deps: ChangeDeps): Promise<AsyncDisposable> {
  tell({ done: 0, counts: {}, sentence: 'Seeing to it that nobody else changes letters.' });
  return takeDeadLettersLock(deps);
}

const NOTHING_YET = { done: 0, counts: {}, sentence: 'Nothing was changed yet.', interrupted: true };

/** Before the work is begun, so that it is known how much there is of it: a dry run of the same costs some percent of it. */
function counting(letters: number): JobTold {
  return { done: 0, counts: {}, sentence: `Counting: ${counted(letters, 'letter')} so far.` };
}

function toDo(total: number): JobTold {
  return { done: 0, counts: {}, sentence: `${counted(total, 'letter')} to go through.`, total };
}

function countsOfReplay(summary: ReplaySummary): Omit<JobTold, 'sentence'> {
  const { letters, passed, failedAgain, parked, unreplayable, leftParked, why } = summary;
  return {
    done: letters,
    counts: { passed, failedAgain, parked, unreplayable, leftParked },
    why: [...why].map(([reason, { letters: count, example }]) => ({
      reason,
      letters: count,
      example: example.id,
      detail: detailText(example.detail).slice(0, 500).toWellFormed(),
    })),
  };
}

/** The first line of what the command says: the rest of it is in numbers here. */
function sentenceOf(summary: ReplaySummary): string {
  return summary.whyNothing ?? (replaySummaryText(summary).split('\n', 1)[0] as string);
}

function changeSentence(
  kind: 'dismiss' | 'undo',
  dryRun: boolean,
  { changed, whyNothing }: ChangeResult,
): string {
  if (whyNothing !== undefined) return whyNothing;
  const done = kind === 'dismiss' ? 'dismissed' : 'taken back: they wait again';
  return dryRun
    ? `Nothing was changed: ${counted(changed, 'letter')} would be ${done}.`
    : `${counted(changed, 'letter')} ${done}.`;
}

function judgeAtOf(asked: JudgeAt, now: () => number): 'received' | number {
  return asked === 'now' ? now() : (asked ?? 'received');
}
