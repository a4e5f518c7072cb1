import { describeError, PipelineError } from '#runtime/errors.ts';
import { pause } from '#runtime/retry.ts';

/** A question is asked again for this long: enough for a leader or a coordinator to move. Milliseconds. */
const PATIENCE_MS = 6_000;
const PAUSE_MS = 250;

/**
 * Asks again while the cluster is between two leaders or coordinators. `question` must be harmless to repeat.
 *
 * @throws PipelineError `event-log-unavailable` (retryable) when it still fails after some seconds, other
 *   PipelineErrors at once
 */
export async function withPatience<Answer>(what: string, question: () => Promise<Answer>): Promise<Answer> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await question();
    } catch (error) {
      if (error instanceof PipelineError && !error.retryable) throw error;
      if (performance.now() >= giveUpAt) {
        throw new PipelineError('event-log-unavailable', `${what}: ${describeError(error)}`, {
          retryable: true,
          cause: error,
        });
      }
      await pause(PAUSE_MS);
    }
  }
}
