import { Gauge } from 'prom-client';
import type { Deps } from '#runtime/deps.ts';

/** Whose retention is meant; the values of the label `of`. */
export type ClockUser = 'event-log' | 'telemetry-store';

export type ClockTelemetry = ReturnType<typeof createClockTelemetry>;

/** The events of comparing the machine's clock with the time that was seen to pass (`seen-time.ts`). */
export function createClockTelemetry(deps: Pick<Deps, 'log' | 'metrics'>, of: ClockUser) {
  const log = deps.log.child({ part: of });
  const name = 'clock_jump_seconds';
  const jump =
    (deps.metrics.getSingleMetric(name) as Gauge<'of' | 'since'> | undefined) ??
    new Gauge({
      name,
      help: "Seconds that the machine's clock is ahead of the time that was seen to pass (negative: behind) and that retention does not believe yet; since = what they came with",
      labelNames: ['of', 'since'],
      registers: [deps.metrics],
    });
  jump.set({ of, since: 'running' }, 0);
  jump.set({ of, since: 'stopped' }, 0);
  let told = false;
  return {
    /** @param trouble in words; said once when it begins, and its end. */
    clockCompared(jumpMs: number, onlyStopped: boolean, trouble: string | undefined): void {
      jump.set({ of, since: 'running' }, onlyStopped ? 0 : jumpMs / 1000);
      jump.set({ of, since: 'stopped' }, onlyStopped ? jumpMs / 1000 : 0);
      if (trouble !== undefined && !told) {
        log.warn({ jumpSeconds: Math.round(jumpMs / 1000) }, `${trouble}; see docs/runbooks/ClockJumped.md`);
      } else if (trouble === undefined && told) {
        log.info("the machine's clock and the time that was seen to pass agree again");
      }
      told = trouble !== undefined;
    },
    clockConfirmed(jumpMs: number): void {
      log.warn(
        { jumpSeconds: Math.round(jumpMs / 1000) },
        "the machine's clock is believed at once, as CLOCK_CONFIRMED says",
      );
    },
  };
}
