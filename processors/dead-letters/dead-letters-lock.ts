import type { EventLog } from '#event-log/event-log.ts';
import { PipelineError } from '#runtime/errors.ts';

const LOCK = 'dead-letters';

/**
 * What changes letters runs one at a time over all processes of a log, since it decides from the states that it read
 * at its beginning.
 *
 * @throws PipelineError `event-log-unavailable` when another process has it
 */
export async function takeDeadLettersLock(log: EventLog): Promise<AsyncDisposable> {
  const lock = await log.acquireLock(LOCK);
  if (lock !== undefined) return lock;
  throw new PipelineError(
    'event-log-unavailable',
    'another replay is running on this event log, and only one may (after a crash its lock can last a minute)',
    { retryable: true, reason: 'locked' },
  );
}
