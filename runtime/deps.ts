import type { Registry } from 'prom-client';
import type { Logger } from '#runtime/logger.ts';

/**
 * What a part of the pipeline needs from its surroundings, passed in so that tests own time and chance. Nothing below
 * a `main.ts` reads the wall clock, draws random numbers or writes logs in any other way.
 *
 * `log` and `metrics` are used by `telemetry.ts` files only: each names the events of its folder, one function = one
 * log line and one metric, so that the logic stays readable and the telemetry can be listed (`docs/metrics.md`).
 */
export interface Deps {
  readonly log: Logger;
  readonly metrics: Registry;
  /** Wall clock, milliseconds since the epoch. Durations are measured with `performance.now()`. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}
