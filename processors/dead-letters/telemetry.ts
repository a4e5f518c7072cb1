import { Counter, Gauge } from 'prom-client';
import { REJECT_REASONS, type RejectReason } from '#contract/reject-reason.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';

/** A device that goes on is told of again. */
const TELL_EVERY_MS = 10 * 60_000;

export type DeadLetterTelemetry = ReturnType<typeof createDeadLetterTelemetry>;

/**
 * The events of the dead-letter monitor: one function = one log line and/or one metric.
 *
 * @param expectedSeconds how long the log keeps dead letters, until a look says it
 * @param onAsked somebody asks how many are pending
 */
export function createDeadLetterTelemetry(
  deps: Deps,
  expectedSeconds: number,
  onAsked: () => void = () => undefined,
) {
  const log = deps.log.child({ part: 'dead-letters' });
  const registers = [deps.metrics];

  const pending = new Gauge({
    name: 'dead_letters_pending',
    help: 'Dead letters that nobody dealt with; reason "replay-limit": parked. No series while the log cannot be asked',
    labelNames: ['reason'],
    registers,
    collect: onAsked,
  });
  const expirySeconds = new Gauge({
    name: 'dead_letters_oldest_pending_expiry_seconds',
    help: 'Seconds until retention may remove the oldest pending dead letter. No series while none is pending, the log cannot be asked, or our clock is not believed',
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
  const duplicates = new Counter({
    name: 'dead_letters_duplicates_dismissed_total',
    help: 'Pending dead letters that made room because a newer one of the same device, reason, index and bytes waits (embedded log only)',
    registers,
  });
  retention.set(expectedSeconds);
  for (const reason of REJECT_REASONS) expired.inc({ reason }, 0);
  // A 0 before the first look would say that all is well.
  expirySeconds.remove();

  let failing = false;
  let duplicatesToldAt = -Infinity;
  return {
    looked(
      counts: ReadonlyMap<RejectReason, number>,
      secondsLeft: number | undefined,
      retentionSeconds: number,
    ): void {
      retention.set(retentionSeconds);
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
    duplicatesDismissed(count: number, used: number): void {
      duplicates.inc(count);
      if (deps.now() - duplicatesToldAt < TELL_EVERY_MS) return;
      duplicatesToldAt = deps.now();
      log.warn(
        { count, used },
        'the share of the dead letters fills up: of letters that say the same only the newest is kept',
      );
    },
    makingRoomFailed(error: unknown): void {
      log.warn({ error: describeError(error) }, 'duplicates of dead letters cannot be dismissed');
    },
    expiredPending(reason: RejectReason, count: number): void {
      expired.inc({ reason }, count);
      log.error({ reason, count }, 'retention removed dead letters that nobody had dealt with');
    },
  };
}
