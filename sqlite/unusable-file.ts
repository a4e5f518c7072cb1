import { type ErrorCode, PipelineError } from '#runtime/errors.ts';
import { isFull } from './sqlite-failure.ts';

/**
 * Why a process cannot begin with what stands at a path of DATA_DIR: a matter of the configuration, unless the disk is full.
 * There room may come, and a restart is worth it.
 *
 * @param whenFull the code of the error then
 */
export function unusableFile(
  path: string,
  cause: unknown,
  whenFull: ErrorCode,
  what = 'cannot be used',
): PipelineError {
  if (cause instanceof PipelineError) return cause;
  const full = isFull(cause);
  const code = full ? whenFull : 'configuration';
  return new PipelineError(code, `DATA_DIR: ${path} ${what}`, { cause, retryable: full });
}
