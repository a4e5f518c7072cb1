import { kindOfError } from '#event-log/kafka/wire/error-codes.ts';
import type { Backoff } from '#runtime/retry.ts';

const BACKOFF: Backoff = { firstDelayMs: 500, maxDelayMs: 10_000, jitter: 0.3 };
/** What an operator has to put right is not put right sooner by joining. */
const SLOW_BACKOFF: Backoff = { firstDelayMs: 5_000, maxDelayMs: 60_000, jitter: 0.3 };

/**
 * Whether a new consumer may go on after this failure, and how soon; undefined = it may not. A connection, a broker or a
 * coordinator that is gone comes back, whatever kafkajs thinks of it (it calls a coordinator that cannot be found final).
 * Errors that name a fault in the code do not: kafkajs itself stops its consumer for good on those and leaves the process
 * running, which is why somebody has to end it (P7).
 */
export function waysOn(error: unknown): { readonly backoff: Backoff; readonly mustAct: boolean } | undefined {
  const kind = kindOfError(error);
  if (kind === 'fatal') return undefined;
  const mustAct = kind === 'configuration';
  return { backoff: mustAct ? SLOW_BACKOFF : BACKOFF, mustAct };
}
