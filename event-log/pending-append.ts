import type { RecordPosition } from '#contract/log-record.ts';
import { PipelineError } from '#runtime/errors.ts';

/** A caller of `append` who has no answer yet. */
export interface PendingAppend {
  /** On the clock of `performance.now()`. */
  readonly deadlineAt: number;
  /** Given up at its deadline, refused, or answered. */
  settled: boolean;
  resolve(position: RecordPosition): void;
  reject(error: PipelineError): void;
}

/**
 * The batch of these callers is durable from `baseOffset` on: gives their positions to those who have no answer yet.
 *
 * @returns how many that were
 */
export function resolveAppends(
  pending: readonly PendingAppend[],
  partition: number,
  baseOffset: number,
): number {
  let settled = 0;
  for (const [index, append] of pending.entries()) {
    if (append.settled) continue;
    append.settled = true;
    append.resolve({ partition, offset: baseOffset + index });
    settled++;
  }
  return settled;
}

/** Tells those whose deadline is not after `until` that their records are not durable. @returns how many that were */
export function giveUpAppends(pending: Iterable<PendingAppend>, until: number, detail: string): number {
  let settled = 0;
  for (const append of pending) {
    if (append.settled || append.deadlineAt > until) continue;
    append.settled = true;
    append.reject(notDurable(detail));
    settled++;
  }
  return settled;
}

/** The log will never take the record with this value. */
export function refused(detail: string, value: Uint8Array | null): PipelineError {
  return new PipelineError('refused', `the log refuses the record for good: ${detail}`, {
    bytes: value ?? undefined,
  });
}

export function notDurable(detail: string): PipelineError {
  return new PipelineError('not-durable', `the record is not known to be durable: ${detail}`, {
    retryable: true,
  });
}
