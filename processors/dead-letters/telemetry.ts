import { Counter, Gauge } from 'prom-client';
import { REJECT_REASONS, type RejectReason } from '#contract/reject-reason.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';

export type DeadLetterTelemetry = ReturnType<typeof createDeadLetterTelemetry>;

/**
 * The events of the dead-letter monitor: one function = one log line and/or one metric.
 *
 * @param retentionSeconds how long the log keeps dead letters: says how much is left of it, whatever it is
 */
export function createDeadLetterTelemetry(deps: Deps, retentionSeconds: number) {
  const log = deps.log.child({ part: 'dead-letters' });
  const registers = [deps.metrics];

  const pending = new Gauge({
    name: 'dead_letters_pending',
    help: 'Dead letters that nobody dealt with; reason "replay-limit": parked. No series while the log cannot be asked',
    labelNames: ['reason'],
    registers,
  });
  const expirySeconds = new Gauge({
    name: 'dead_letters_oldest_pending_expiry_seconds',
    help: 'Seconds until retention may remove the oldest pending dead letter. No series while none is pending or the log cannot be asked',
    registers,
  });
  const retention = new Gauge({
    name: 'dead_letters_retention_seconds',
    help: 'Seconds that the log keeps dead letters',
    registers,
  });
  const expired = new Counter({
    name: 'dead_letters_expired_total',
    help: 'Dead letters that retention removed while they were pending: readings lost for good',
    labelNames: ['reason'],
    registers,
  });
  retention.set(retentionSeconds);
  for (const reason of REJECT_REASONS) expired.inc({ reason }, 0);
  // A 0 before the first look would say that all is well.
  expirySeconds.remove();

  let failing = false;
  return {
    looked(counts: ReadonlyMap<RejectReason, number>, secondsLeft: number | undefined): void {
      for (const [reason, count] of counts) pending.set({ reason }, count);
      if (secondsLeft === undefined) expirySeconds.remove();
      else expirySeconds.set(secondsLeft);
      if (failing) log.info('dead letters can be counted again');
      failing = false;
    },
    lookFailed(error: unknown): void {
      pending.reset();
      expirySeconds.remove();
      if (!failing) log.warn({ error: describeError(error) }, 'dead letters cannot be counted');
      failing = true;
    },
    expiredPending(reason: RejectReason, count: number): void {
      expired.inc({ reason }, count);
      log.error({ reason, count }, 'retention removed dead letters that nobody had dealt with');
    },
  };
}
