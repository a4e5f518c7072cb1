import { type Backoff, backoffDelayMs } from '#runtime/retry.ts';
import type { Point, RejectedPoint, RetryCause, WriteOutcome } from '#telemetry-store/telemetry-store.ts';

/**
 * What the writer does with each answer of the store. This table is the only place that decides it; `store-writer.ts`
 * acts on it.
 *
 * | the store says | then |
 * |---|---|
 * | written, nothing rejected | go on |
 * | written, some points rejected | dead-letter those, go on |
 * | written, all points rejected, no systemic fault | dead-letter them, go on |
 * | written, all points rejected, systemic fault | hold: keep everything, try a few points every `holdMs` |
 * | … and `STORE_REJECT_ALL=dead-letter` | dead-letter them, go on |
 * | retry (any cause but aborted) | the same points again after a growing, jittered delay, for ever; at least the time the store asked for |
 * | retry, aborted | abandon the batch: it was lost or the writer stops |
 * | misconfigured | hold: keep everything, try again every `holdMs` |
 *
 * **Systemic fault.** A store that refuses everything (retention set to an hour, a bucket that foreign data gave other
 * field types) would turn the whole stream into dead letters, so three batches in a row refused completely for one
 * cause mean: stop and tell a person. But batches are as small as the traffic: at night three batches may be three
 * single points of one broken device, and those must be dead-lettered, or one bad device stops all others (P5). So the
 * evidence is summed over the run of refusals: it must also hold `points` points from `devices` different devices. A
 * run ends when the store accepts any point, of whatever partition: what others can store is not a systemic fault.
 * Until there is enough evidence, refused points are dead-lettered; they can be replayed.
 */
export const SYSTEMIC_EVIDENCE = { writes: 3, points: 100, devices: 3 } as const;

export interface WriteDelays {
  readonly retry: Backoff;
  /** Longest wait that a store's `Retry-After` can impose: it is a hint, and may be nonsense. */
  readonly maxRequestedMs: number;
  /** Between tries while only a person can help: rare enough for the store, often enough to go on soon after the repair. */
  readonly holdMs: number;
}

export const WRITE_DELAYS: WriteDelays = {
  retry: { firstDelayMs: 200, maxDelayMs: 10_000, jitter: 0.5 },
  maxRequestedMs: 60_000,
  holdMs: 20_000,
};

export type HoldCause = 'misconfigured' | 'rejects-all';

export type WriteDecision =
  | { readonly kind: 'proceed'; readonly deadLetter: readonly RejectedPoint[] }
  | {
      readonly kind: 'retry';
      readonly cause: Exclude<RetryCause, 'aborted'>;
      readonly delayMs: number;
      readonly detail: string;
    }
  | { readonly kind: 'hold'; readonly cause: HoldCause; readonly delayMs: number; readonly detail: string }
  | { readonly kind: 'abandon' };

/** A run of writes that the store refused completely for one cause, with nothing stored in between. */
export interface RefusalRun {
  readonly cause: string;
  readonly writes: number;
  readonly points: number;
  /** At most `SYSTEMIC_EVIDENCE.devices` of them: more would change nothing. */
  readonly devices: ReadonlySet<string>;
}

export const NO_REFUSALS: RefusalRun = { cause: '', writes: 0, points: 0, devices: new Set() };

export interface WriteSituation {
  readonly outcome: WriteOutcome;
  /** The store took points of others in the same write. */
  readonly storedOthers?: boolean;
  /** What was given to the store; never empty. */
  readonly points: readonly Point[];
  readonly refusals: RefusalRun;
  /** How often these points were tried by now, this time included; from 1. */
  readonly attempt: number;
  readonly rejectAll: 'pause' | 'dead-letter';
  readonly delays: WriteDelays;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** The table above. Pure. */
export function decideWrite(situation: WriteSituation): {
  readonly decision: WriteDecision;
  readonly refusals: RefusalRun;
} {
  const { outcome, storedOthers, points, refusals, attempt, rejectAll, delays, random } = situation;
  const hold = (cause: HoldCause, detail: string): WriteDecision => {
    // Jittered like the retries: the partitions of many processors must not come back in step.
    const delayMs = Math.round(delays.holdMs * (1 - delays.retry.jitter * random()));
    return { kind: 'hold', cause, delayMs, detail };
  };
  if (outcome.kind === 'misconfigured') return { refusals, decision: hold('misconfigured', outcome.detail) };
  if (outcome.kind === 'retry') {
    const { cause, detail, afterMs = 0 } = outcome;
    if (cause === 'aborted') return { refusals, decision: { kind: 'abandon' } };
    const requestedMs = Math.min(afterMs, delays.maxRequestedMs);
    const delayMs = Math.max(requestedMs, backoffDelayMs(delays.retry, attempt, random));
    return { refusals, decision: { kind: 'retry', cause, delayMs, detail } };
  }
  const proceed: WriteDecision = { kind: 'proceed', deadLetter: outcome.rejected };
  if (outcome.rejected.length < points.length || storedOthers || rejectAll === 'dead-letter') {
    return { refusals: NO_REFUSALS, decision: proceed };
  }
  // Only a stored point ends a systemic fault: the same fault may well be told in other words.
  const run = isSystemic(refusals) ? refusals : extend(refusals, points, outcome.rejected);
  const words = wordsForPeople(outcome.rejected[0]?.reason ?? '');
  return { refusals: run, decision: isSystemic(run) ? hold('rejects-all', words) : proceed };
}

export function isSystemic(run: RefusalRun): boolean {
  return (
    run.writes >= SYSTEMIC_EVIDENCE.writes &&
    run.points >= SYSTEMIC_EVIDENCE.points &&
    run.devices.size >= SYSTEMIC_EVIDENCE.devices
  );
}

/** Of a refusal, in logs and answers; a letter keeps all of it. */
const SHOWN_CHARACTERS = 500;

/**
 * The store's words as they are shown: with the names that an operator must know to mend it (measurement, field), without
 * what stands between single quotes, where InfluxDB repeats the line it cannot read, and so the values of a device.
 */
export function wordsForPeople(reason: string): string {
  const words = reason.replace(/'.*'/s, "'…'");
  return words.length <= SHOWN_CHARACTERS ? words : `${words.slice(0, SHOWN_CHARACTERS)}…`;
}

/**
 * What refusals are compared by: the store's words without what differs from point to point, which are names in quotes
 * and numbers. Never shown: it hides just what must be mended.
 */
export function causeOf(reason: string): string {
  return reason.replace(/"[^"]*"|'[^']*'/g, '""').replace(/-?\d+(\.\d+)?/g, '#');
}

function extend(run: RefusalRun, points: readonly Point[], rejected: readonly RejectedPoint[]): RefusalRun {
  const words = rejected[0]?.reason ?? '';
  const cause = causeOf(words);
  // Several causes at once are several faults, each of some points.
  if (rejected.some(({ reason }) => reason !== words && causeOf(reason) !== cause)) return NO_REFUSALS;
  const before = run.cause === cause ? run : NO_REFUSALS;
  const devices = new Set(before.devices);
  for (const { deviceId } of points) {
    if (devices.size >= SYSTEMIC_EVIDENCE.devices) break;
    devices.add(deviceId);
  }
  return { cause, writes: before.writes + 1, points: before.points + points.length, devices };
}
