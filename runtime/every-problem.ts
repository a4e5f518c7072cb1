import { describeError, hasCode, PipelineError } from '#runtime/errors.ts';

/**
 * Awaits independent steps of a start. When some of them find the configuration wrong, all of it is told at once, so
 * that an operator does not mend one variable after the other; what the other steps opened is closed again.
 *
 * @throws PipelineError `configuration` with the problems of all steps, one a line; or the first other error.
 */
export async function everyProblemAtOnce<Results extends readonly unknown[]>(
  steps: { readonly [Index in keyof Results]: Promise<Results[Index]> },
): Promise<Results> {
  const outcomes = await Promise.allSettled(steps);
  const errors = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
  );
  if (errors.length === 0) {
    return outcomes.map(
      (outcome) => (outcome as PromiseFulfilledResult<unknown>).value,
    ) as unknown as Results;
  }
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled' && isDisposable(outcome.value))
      await outcome.value[Symbol.asyncDispose]();
  }
  const problems = errors.filter((error) => hasCode(error, 'configuration'));
  if (problems.length < errors.length) throw errors.find((error) => !hasCode(error, 'configuration'));
  const lines = new Set(problems.flatMap((problem) => describeError(problem).split('\n')));
  throw new PipelineError('configuration', [...lines].join('\n'), { cause: new AggregateError(problems) });
}

function isDisposable(value: unknown): value is AsyncDisposable {
  return typeof value === 'object' && value !== null && Symbol.asyncDispose in value;
}
