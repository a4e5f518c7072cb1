import type { EventLog } from '#event-log/event-log.ts';
import { doneBefore } from '#runtime/abort-signal.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';
import { pause } from '#runtime/retry.ts';
import { type Look, lagAt, lookOf, type PartitionLag } from './lag.ts';
import { createLagTelemetry, type LagTarget, type LagTelemetry } from './telemetry.ts';

/** Looks cost the log a few small requests each. */
const DEFAULT_INTERVAL_MS = 5_000;
/** Older looks are no knowledge: the log may hang instead of failing. */
const FRESH_INTERVALS = 3;

export interface LagMonitorOptions {
  readonly targets: readonly LagTarget[];
  /** Between looks. Default 5 s. */
  readonly intervalMs?: number;
  /** The clock that nobody sets: how old a look is goes by it. Default `performance.now()`. */
  readonly monotonicMs?: () => number;
}

export interface LagMonitorDeps extends Deps {
  readonly eventLog: Pick<EventLog, 'progress'>;
}

export interface LagMonitorHealth {
  /** Every target was looked at a moment ago. */
  readonly up: boolean;
  /** For people, when not up. */
  readonly detail: string;
}

export interface LagMonitor extends AsyncDisposable {
  health(): LagMonitorHealth;
  /** What is known now; a target that the log says nothing about is missing. */
  lags(): readonly (readonly [LagTarget, readonly PartitionLag[]])[];
  stop(): Promise<void>;
}

/** What is known of a target. */
interface Sighting {
  look: Look | undefined;
  /** The look before, when it was the last one before `look` and did not fail. */
  before: Look | undefined;
  /** The last one that was answered. */
  answered: Look | undefined;
  failure: string;
}

/**
 * Asks the log every few seconds how far each group is. It needs no consumer to be alive: a stall is seen from the
 * outside (P7).
 *
 * Per target: *unknown* until the log answered, *known* after an answer, and unknown again as soon as a look fails or
 * the newest answer is older than `FRESH_INTERVALS` intervals. What is unknown has no series: a number that stands
 * still looks like a healthy one. Partitions come and go with each answer.
 */
class Monitor implements LagMonitor {
  readonly #options: LagMonitorOptions;
  readonly #deps: LagMonitorDeps;
  readonly #intervalMs: number;
  readonly #monotonicMs: () => number;
  readonly #telemetry: LagTelemetry;
  readonly #sightings: ReadonlyMap<LagTarget, Sighting>;
  readonly #stopping = new AbortController();
  readonly #looking: Promise<void>;

  constructor(options: LagMonitorOptions, deps: LagMonitorDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#intervalMs = options.intervalMs ?? DEFAULT_INTERVAL_MS;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#sightings = new Map(
      options.targets.map((target) => [
        target,
        { look: undefined, before: undefined, answered: undefined, failure: 'not looked at yet' },
      ]),
    );
    this.#telemetry = createLagTelemetry(deps, () => this.lags());
    this.#looking = this.#lookUntilStopped();
  }

  lags(): (readonly [LagTarget, readonly PartitionLag[]])[] {
    return this.#options.targets.flatMap((target) => {
      const sighting = this.#sightings.get(target);
      if (sighting?.look === undefined || !this.#isFresh(sighting.look)) return [];
      return [[target, lagAt(this.#ageMs(sighting.look), sighting.look, sighting.before)] as const];
    });
  }

  health(): LagMonitorHealth {
    for (const [{ topic, group }, { look, failure }] of this.#sightings) {
      const what = `${topic}, ${group}`;
      if (look === undefined) return { up: false, detail: `${what}: ${failure}` };
      if (!this.#isFresh(look)) return { up: false, detail: `${what}: the log does not answer` };
    }
    return { up: true, detail: '' };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#looking;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #lookUntilStopped(): Promise<void> {
    const { signal } = this.#stopping;
    do {
      const looks = this.#options.targets.map((target) => this.#lookAt(target));
      // An answer that never comes must not hold up the shutdown.
      await doneBefore(signal, Promise.all(looks));
    } while (await pause(this.#intervalMs, signal));
  }

  async #lookAt(target: LagTarget): Promise<void> {
    const sighting = this.#sightings.get(target) as Sighting;
    // The time before the question: what is committed meanwhile makes the lag smaller than said, never larger.
    const at = { at: this.#deps.now(), atMonotonic: this.#monotonicMs() };
    try {
      const partitions = await this.#deps.eventLog.progress(target.topic, target.group);
      sighting.before = sighting.look;
      sighting.look = lookOf(at, partitions, sighting.answered);
      sighting.answered = sighting.look;
      this.#telemetry.looked(target);
      if (this.health().up) this.#telemetry.lookedAtAll(at.at);
    } catch (error) {
      sighting.look = undefined;
      sighting.failure = describeError(error);
      if (!this.#stopping.signal.aborted) this.#telemetry.lookFailed(target, error);
    }
  }

  #ageMs(look: Look): number {
    return this.#monotonicMs() - look.atMonotonic;
  }

  #isFresh(look: Look): boolean {
    return this.#ageMs(look) <= FRESH_INTERVALS * this.#intervalMs;
  }
}

/** Starts to look, at once and then at every interval. An unreachable log is asked again, for ever. */
export function startLagMonitor(options: LagMonitorOptions, deps: LagMonitorDeps): LagMonitor {
  return new Monitor(options, deps);
}
