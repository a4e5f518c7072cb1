import type { RecordPosition } from '#contract/log-record.ts';
import type { AppendCaller } from '#event-log/event-log.ts';
import { PipelineError } from '#runtime/errors.ts';

/** A caller of `append` who has no answer yet. */
export interface PendingAppend {
  /** On the clock of `performance.now()`. */
  readonly deadlineAt: number;
  readonly caller: AppendCaller;
  /** Given up at its deadline, refused, or answered. */
  settled: boolean;
}

/** `EventLog.append` by `EventLog.appendFor`. */
export function promisedAppend(appendFor: (caller: AppendCaller) => void): Promise<RecordPosition> {
  return new Promise((resolve, reject) =>
    appendFor({ durable: (partition, offset) => resolve({ partition, offset }), failed: reject }),
  );
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
  for (let index = 0; index < pending.length; index++) {
    const append = pending[index] as PendingAppend;
    if (append.settled) continue;
    append.settled = true;
    try {
      append.caller.durable(partition, baseOffset + index);
    } catch (error) {
      endProcess(error);
    }
    settled++;
  }
  return settled;
}

/** Tells one that its record is not durable. */
export function failAppend(append: PendingAppend, error: PipelineError): void {
  append.settled = true;
  try {
    append.caller.failed(error);
  } catch (fault) {
    endProcess(fault);
  }
}

/** Tells those whose deadline is not after `until` that their records are not durable. @returns how many that were */
export function giveUpAppends(pending: Iterable<PendingAppend>, until: number, detail: string): number {
  let settled = 0;
  for (const append of pending) {
    if (append.settled || append.deadlineAt > until) continue;
    failAppend(append, notDurable(detail));
    settled++;
  }
  return settled;
}

/** A caller that throws is a fault of the program: it must not be taken for one of the log, nor keep the others from their answers. */
function endProcess(fault: unknown): void {
  queueMicrotask(() => {
    throw fault;
  });
}

/** The log will never take the record with this value. */
export function refused(detail: string, value: Uint8Array | null): PipelineError {
  return new PipelineError('refused', `the log refuses the record for good: ${detail}`, {
    bytes: value ?? undefined,
  });
}

export function logClosed(): PipelineError {
  return new PipelineError('closed', 'the event log is closed');
}

export function notDurable(detail: string): PipelineError {
  return new PipelineError('not-durable', `the record is not known to be durable: ${detail}`, {
    retryable: true,
  });
}
