import type { DeadLetter } from '#contract/dead-letter.ts';
import { appendLetter } from '#event-log/append-letter.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { doneBefore } from '#runtime/abort-signal.ts';
import type { Deps } from '#runtime/deps.ts';
import { hasCode } from '#runtime/errors.ts';
import { type Backoff, backoffDelayMs, pause } from '#runtime/retry.ts';
import { BatchAbandoned, type BatchRun } from './batch-run.ts';
import type { WriterTelemetry } from './telemetry.ts';

/** Appends that are outstanding at once, per batch: the log bounds nothing by itself. */
const OUTSTANDING_LETTERS = 500;
const APPEND_DEADLINE_MS = 5_000;
const BACKOFF: Backoff = { firstDelayMs: 200, maxDelayMs: 5_000, jitter: 0.5 };

export interface DeadLetterWriterOptions {
  readonly log: EventLog;
  readonly topic: string;
}

/**
 * Resolves when every letter is durable, however long that takes: their batch must not be committed before (P2). A
 * letter whose append was not confirmed is appended again and may stand there twice; readers fold duplicates.
 *
 * @throws BatchAbandoned
 * @throws PipelineError `closed` when the log was closed under it
 */
export async function appendUntilDurable(
  letters: readonly DeadLetter[],
  run: BatchRun,
  { log, topic }: DeadLetterWriterOptions,
  deps: Deps,
  telemetry: WriterTelemetry,
): Promise<void> {
  let pending = letters;
  for (let attempt = 1; pending.length > 0; attempt++) {
    const failures: { readonly letter: DeadLetter; readonly error: unknown }[] = [];
    for (let from = 0; from < pending.length; from += OUTSTANDING_LETTERS) {
      const deadlineAt = performance.now() + APPEND_DEADLINE_MS;
      const appends = pending.slice(from, from + OUTSTANDING_LETTERS).map((letter) =>
        appendLetter(log, topic, letter, deadlineAt, { owed: true }).then(
          () => undefined,
          (error: unknown) => {
            if (!hasCode(error, 'not-durable')) throw error;
            failures.push({ letter, error });
          },
        ),
      );
      // An append cannot be called back; what it does after the partition was lost is another, harmless, copy of a letter.
      if (!(await doneBefore(run.lost, Promise.all(appends)))) {
        throw new BatchAbandoned('the partition was lost');
      }
    }
    if (failures.length === 0) return;
    pending = failures.map(({ letter }) => letter);
    const delayMs = backoffDelayMs(BACKOFF, attempt, deps.random);
    telemetry.deadLettersNotDurable(pending.length, failures[0]?.error, delayMs);
    if (!(await pause(delayMs, run.hurry))) throw new BatchAbandoned('the writer stops');
  }
}
