import type { RecordPosition } from '#contract/log-record.ts';
import { PipelineError } from '#runtime/errors.ts';

/** A caller of `append` who has no answer yet. */
export interface PendingAppend {
  readonly deadlineAt: number;
  /** Given up at its deadline, or answered. */
  settled: boolean;
  resolve(position: RecordPosition): void;
  reject(error: PipelineError): void;
}

/** Gives their positions to those that were not given up meanwhile. @returns how many that were */
export function resolveAppends(pending: readonly PendingAppend[], baseOffset: number): number {
  let settled = 0;
  for (const [index, append] of pending.entries()) {
    if (append.settled) continue;
    append.settled = true;
    append.resolve({ partition: 0, offset: baseOffset + index });
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

export function notDurable(detail: string): PipelineError {
  return new PipelineError('not-durable', `the record is not durable: ${detail}`, { retryable: true });
}
