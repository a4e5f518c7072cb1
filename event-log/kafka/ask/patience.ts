import { describeKafkaError, kafkaErrorCode, kindOfError } from '#event-log/kafka/wire/error-codes.ts';
import { describeError, hasCode, PipelineError } from '#runtime/errors.ts';
import { pause } from '#runtime/retry.ts';

/** A question is asked again for this long: enough for a leader or a coordinator to move. Milliseconds. */
const PATIENCE_MS = 6_000;
const PAUSE_MS = 250;

/**
 * Asks again while the cluster is between two leaders or coordinators. `question` must be harmless to repeat.
 *
 * @throws PipelineError `event-log-unavailable` (retryable) when it still fails after some seconds; `configuration`, and
 *   other PipelineErrors that are not retryable, at once
 */
export async function withPatience<Answer>(what: string, question: () => Promise<Answer>): Promise<Answer> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await question();
    } catch (error) {
      const kind = kindOfError(error);
      if (kind === 'configuration' && !hasCode(error, 'configuration')) {
        throw new PipelineError('configuration', `${what}: ${describeKafkaError(error)}`, { cause: error });
      }
      if (error instanceof PipelineError && !error.retryable) throw error;
      if (kind === 'fatal' || performance.now() >= giveUpAt) {
        throw new PipelineError('event-log-unavailable', `${what}: ${describeError(error)}`, {
          retryable: kind !== 'fatal',
          cause: error,
        });
      }
      await pause(PAUSE_MS);
    }
  }
}

/**
 * What a broker answered in place of what was asked for.
 *
 * @returns PipelineError `configuration`, or `event-log-unavailable`
 */
export function refusal(what: string, errorCode: number): PipelineError {
  const { name, kind } = kafkaErrorCode(errorCode);
  const isForOperator = kind === 'configuration';
  return new PipelineError(isForOperator ? 'configuration' : 'event-log-unavailable', `${what}: ${name}`, {
    retryable: !isForOperator,
  });
}
