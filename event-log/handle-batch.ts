import type { DeliveredBatch, SubscribeOptions } from '#event-log/event-log.ts';
import type { BatchIdentity, EventLogTelemetry } from '#event-log/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { type Backoff, backoffDelayMs, pause } from '#runtime/retry.ts';

export interface HandleBatchDeps {
  readonly telemetry: Pick<EventLogTelemetry, 'batchRejected' | 'batchDiscarded'>;
  readonly random: () => number;
  /** How long a handler may take to notice `lost` before the consumer goes on without it. Default: as long as it takes. */
  readonly graceMs?: number;
}

const BACKOFF: Backoff = { firstDelayMs: 200, maxDelayMs: 10_000, jitter: 0.3 };

/**
 * Hands a batch to the subscriber's handler until it is done with: whatever the handler throws, the same records come
 * again after a back-off. Ends early only when `lost` fires; then the handler, which has seen the same signal, is
 * waited for, and what it did is discarded.
 *
 * @returns whether the batch is done with and may be committed; false = lost
 */
export async function handleBatch(
  batch: DeliveredBatch,
  options: Pick<SubscribeOptions, 'group' | 'onBatch'>,
  lost: AbortSignal,
  { telemetry, random, graceMs = Infinity }: HandleBatchDeps,
): Promise<boolean> {
  for (let failures = 1; !lost.aborted; failures++) {
    try {
      await withGrace(options.onBatch(batch, lost), lost, graceMs);
      if (!lost.aborted) return true;
    } catch (error) {
      if (lost.aborted) break;
      const delayMs = backoffDelayMs(BACKOFF, failures, random);
      telemetry.batchRejected(identityOf(batch, options.group), error, delayMs);
      await pause(delayMs, lost);
    }
  }
  telemetry.batchDiscarded(identityOf(batch, options.group), describeError(lost.reason));
  return false;
}

/** A batch as events name it. */
export function identityOf({ topic, partition, records }: DeliveredBatch, group: string): BatchIdentity {
  return { topic, partition, group, firstOffset: records[0]?.offset ?? -1, records: records.length };
}

/** Waits for the handler; after `lost` only so long. */
async function withGrace(handling: Promise<void>, lost: AbortSignal, graceMs: number): Promise<void> {
  if (graceMs === Infinity) return handling;
  const over = new AbortController();
  const grace = Promise.withResolvers<void>();
  const onLost = () => void pause(graceMs, over.signal).then(() => grace.resolve());
  lost.addEventListener('abort', onLost, { once: true });
  try {
    await Promise.race([handling, grace.promise]);
  } finally {
    over.abort();
    lost.removeEventListener('abort', onLost);
  }
}
