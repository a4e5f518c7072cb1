import type { Mappings } from '#contract/mapping/mappings.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { recover } from './carry-out.ts';
import { type BadLine, type Correction, readCorrection } from './correction.ts';
import { takeDeadLettersLock } from './dead-letters-lock.ts';
import { forEachInFlight } from './in-flight-window.ts';
import { type JudgeAt, judge, type Verdict } from './judge.ts';
import { faultsIn, type PlacedProblem } from './letter-faults.ts';
import { type DeadLettersDeps, readLetterStates } from './letter-states.ts';
import { asObject, detailText } from './letter-summary.ts';
import { type Letter, readLetters, statusOf } from './letters.ts';

export interface SubmitOptions {
  /** Lines as `export` writes them, corrected. */
  readonly lines: readonly string[];
  readonly judgeAt: JudgeAt;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (summary: SubmitSummary) => void;
}

export interface SubmitSummary {
  dryRun: boolean;
  /** With something in them. */
  lines: number;
  /** Letters whose corrections are in the telemetry topic; of a dry run: that would be. */
  recovered: number;
  /** Letters of which a correction was refused, or that do not wait: nothing of them was handed in. */
  refused: number;
  readonly problems: BadLine[];
  interrupted: boolean;
}

const IN_FLIGHT = 64;

/**
 * Hands in what people made of letters: each payload is judged like a message that comes today, at the time its letter was
 * received, by the same admission. Several lines may correct one letter (a message that was too large, in parts). A letter
 * is recovered with all of its lines or not at all.
 *
 * @throws PipelineError `event-log-unavailable` when another command changes letters, or the log cannot be reached
 * @throws PipelineError `not-durable`; what was done until then is kept.
 */
export async function submitCorrections(
  { lines, judgeAt, dryRun, signal, onProgress }: SubmitOptions,
  deps: DeadLettersDeps,
  schemas: SchemaRegistry,
  mappings?: Mappings,
): Promise<SubmitSummary> {
  const summary: SubmitSummary = {
    dryRun,
    lines: 0,
    recovered: 0,
    refused: 0,
    problems: [],
    interrupted: false,
  };
  const waiting = new Map<string, Correction[]>();
  for (const [index, text] of lines.entries()) {
    if (text.trim() === '') continue;
    summary.lines++;
    const read = readCorrection(text, index + 1);
    if ('problem' in read) summary.problems.push(read);
    else waiting.set(read.letterId, [...(waiting.get(read.letterId) ?? []), read]);
  }
  await using _lock = dryRun ? undefined : await takeDeadLettersLock(deps);
  const states = await readLetterStates(deps.eventLog, deps.topics, signal);
  const corrected = async function* (): AsyncGenerator<readonly [Letter, readonly Correction[]]> {
    if (waiting.size === 0) return;
    for await (const letter of readLetters(deps.eventLog, deps.topics, states, signal)) {
      const corrections = waiting.get(letter.id);
      if (corrections === undefined) continue;
      waiting.delete(letter.id);
      yield [letter, corrections];
      if (waiting.size === 0) return;
    }
  };
  const refuse = (problems: readonly BadLine[]): void => {
    summary.refused++;
    summary.problems.push(...problems);
  };
  const { interrupted } = await forEachInFlight(
    corrected(),
    { inFlight: IN_FLIGHT, signal },
    async ([letter, corrections]) => {
      const status = statusOf(letter);
      const verdicts = corrections.map((correction) =>
        judgeCorrection(letter, correction, schemas, judgeAt, mappings),
      );
      const problems =
        status === 'pending' || status === 'parked'
          ? verdicts.flatMap((verdict, i) => problemsIn(verdict, letter, corrections[i] as Correction))
          : corrections.map(({ line }) => ({
              line,
              problem: `letter ${letter.id} does not wait: it is ${status}`,
            }));
      if (problems.length > 0) refuse(problems);
      else {
        if (!dryRun)
          await recover(
            letter,
            verdicts.filter((it) => it.kind === 'passes'),
            deps,
          );
        summary.recovered++;
      }
      onProgress?.(summary);
    },
  );
  summary.interrupted = interrupted;
  if (!interrupted) {
    for (const [id, corrections] of waiting) {
      refuse(
        corrections.map(({ line }) => ({
          line,
          problem: `letter ${id} is not there: it never was, or retention removed it`,
        })),
      );
    }
  }
  summary.problems.sort((a, b) => a.line - b.line);
  return summary;
}

/** As a message that comes for the first time: what the letter was refused for, and how often, is of no account. */
function judgeCorrection(
  letter: Letter,
  { payload }: Correction,
  schemas: SchemaRegistry,
  judgeAt: JudgeAt,
  mappings: Mappings | undefined,
): Verdict {
  // That a part of the letter is missing was for this person to know.
  const { keptBytes: _kept, leftOut: _leftOut, ...detail } = asObject(letter.detail);
  const fresh = { ...letter, payload, detail, reason: 'schema-violation', attempt: 0 } as const;
  return judge(fresh, schemas, judgeAt, mappings);
}

/** What is wrong with a correction, and where in its line. */
function problemsIn(verdict: Verdict, { id }: Letter, { line, payload, column }: Correction): BadLine[] {
  const told = (problem: string, fault?: PlacedProblem): BadLine => {
    const offset = fault?.place?.offset;
    const at = offset === undefined || column === undefined ? '' : `column ${column + offset + 1}, `;
    return { line, problem: `${at}letter ${id}: ${problem}`, ...(fault && { fault }) };
  };
  if (verdict.kind === 'unreplayable') return [told(verdict.why)];
  const refused = verdict.kind === 'fails' ? [{ ...verdict, index: undefined }] : verdict.rejects;
  return refused.flatMap(({ reason, detail, ...element }) => {
    const index = 'index' in element ? element.index : undefined;
    const within = index === undefined ? '' : `/${index}`;
    const faults = faultsIn(payload, reason, detail, within);
    if (faults.length === 0) return [told([reason, within, detailText(detail)].filter(Boolean).join(' '))];
    return faults.map((fault) => told([reason, fault.path, fault.message].filter(Boolean).join(' '), fault));
  });
}
