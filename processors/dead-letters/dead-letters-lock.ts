import type { TopicNames } from '#contract/log-record.ts';
import { PipelineError } from '#runtime/errors.ts';
import type { DeadLettersDeps } from './letter-states.ts';

/** The pipeline's own housekeeping has the lock for a moment at a time: it is waited for. */
const PATIENCE_MS = 5_000;

/** Pipelines that share a cluster have topics of their own, and do not wait for each other. */
export function deadLettersLock(topics: TopicNames): string {
  return `replay-${topics.deadLetters}`;
}

/**
 * What changes letters runs one at a time over all processes of a log, since it decides from the states that it read
 * at its beginning.
 *
 * @throws PipelineError `event-log-unavailable` when another process has it
 */
export async function takeDeadLettersLock({ eventLog, topics }: DeadLettersDeps): Promise<AsyncDisposable> {
  let holder = '';
  const lock = await eventLog.acquireLock(deadLettersLock(topics), {
    patienceMs: PATIENCE_MS,
    onHeld: (who) => {
      holder = ` (${who})`;
    },
  });
  if (lock !== undefined) return lock;
  throw new PipelineError(
    'event-log-unavailable',
    `another command or console changes dead letters of this event log${holder}, and only one may at a time`,
    { retryable: true, reason: 'locked' },
  );
}
