import { describeError, hasCode, PipelineError } from '#runtime/errors.ts';
import type { SqliteFailureKind } from '#sqlite/sqlite-failure.ts';
import type { WriteOutcome } from '#telemetry-store/telemetry-store.ts';

/** The table from what the thread of the database threw to what the writer does. Nothing here blames a single point. */
export function outcomeOfFailedWrite(error: unknown): WriteOutcome {
  const detail = describeError(error);
  if (hasCode(error, 'closed')) return { kind: 'retry', cause: 'aborted', detail };
  if (hasCode(error, 'configuration')) return { kind: 'misconfigured', detail };
  const reason = error instanceof PipelineError ? (error.reason as SqliteFailureKind) : 'other';
  switch (reason) {
    case 'full':
      return { kind: 'retry', cause: 'storage-full', detail };
    case 'busy':
      return { kind: 'retry', cause: 'overloaded', detail };
    case 'damaged':
    case 'unusable':
      return { kind: 'misconfigured', detail: `DATA_DIR: ${detail}` };
    default:
      return { kind: 'retry', cause: 'server-error', detail };
  }
}
