import { PipelineError } from '#runtime/errors.ts';
import type { CommitFailure, OffsetCommit } from './log-thread-calls.ts';

/** The commit of a consumer group that waits for its transaction. */
export interface PendingOffset extends OffsetCommit {
  resolve(): void;
  reject(error: PipelineError): void;
}

/** Tells those who wait what became of them; `undefined` = they are durable. Nothing is tried again here. */
export function settleOffsets(offsets: readonly PendingOffset[], failure: CommitFailure | undefined): void {
  for (const { resolve, reject } of offsets) {
    if (failure === undefined) resolve();
    else
      reject(
        new PipelineError('event-log-unavailable', failure.detail, {
          retryable: failure.cause !== 'damaged',
        }),
      );
  }
}
