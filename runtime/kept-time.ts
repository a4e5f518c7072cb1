import type { ClockTelemetry } from '#runtime/clock-telemetry.ts';
import type { Deps } from '#runtime/deps.ts';
import { SeenTime, type SeenTimeState } from '#runtime/seen-time.ts';

/** What was seen of time is kept at least this often: what a crash forgets makes records younger, never older. */
const KEPT_EVERY_MS = 60_000;
/** A confirmation holds for jumps up to a day after it: one that is left in the environment is none for the next year. */
const CONFIRMED_FOR_MS = 24 * 60 * 60 * 1000;

export interface KeptTimeOptions {
  /** What processes before this one saw of time. */
  readonly seenTime: SeenTimeState;
  /** A person found the wall clock right at this time of it (`CLOCK_CONFIRMED`). Milliseconds since the epoch. */
  readonly clockConfirmedMs: number | undefined;
  /** The clock that nobody sets, such as `performance.now()`. Milliseconds. */
  readonly monotonicMs: () => number;
}

/** Time seen to pass (`seen-time.ts`), kept in a file from process to process. Compares the clocks with each look. */
export class KeptTime {
  readonly #options: KeptTimeOptions;
  readonly #parts;
  readonly #deps: Pick<Deps, 'now'>;
  readonly #time: SeenTime;
  #kept: SeenTimeState | undefined;

  constructor(
    options: KeptTimeOptions,
    parts: {
      readonly keepTime: (state: SeenTimeState) => Promise<void>;
      readonly telemetry: ClockTelemetry;
    },
    deps: Pick<Deps, 'now'>,
  ) {
    this.#options = options;
    this.#parts = parts;
    this.#deps = deps;
    this.#time = new SeenTime(options.seenTime);
    const wallMs = deps.now();
    this.#time.look(wallMs, options.monotonicMs());
    const { clockConfirmedMs } = options;
    const confirmed =
      clockConfirmedMs !== undefined && Math.abs(wallMs - clockConfirmedMs) < CONFIRMED_FOR_MS;
    if (!confirmed || this.#time.disagreementMs === 0) return;
    parts.telemetry.clockConfirmed(this.#time.disagreementMs);
    this.#time.confirm();
  }

  /** Time seen to pass. */
  get nowMs(): number {
    return this.#time.seenMsAt(this.#options.monotonicMs());
  }

  /** The time of day that is believed, right now. */
  believedMs(): number {
    this.#time.look(this.#deps.now(), this.#options.monotonicMs());
    return this.#time.believedMs;
  }

  /** For people; `undefined` while the clocks agree. */
  get trouble(): string | undefined {
    const described = describeJump(this.#time);
    return this.#time.disagreementMs > 0 ? `${described}: nothing is removed for it` : described;
  }

  /** @returns the time seen to pass. */
  async look(): Promise<number> {
    this.#time.look(this.#deps.now(), this.#options.monotonicMs());
    // Removing must go on where nothing can be kept (a full disk); the next look tries again.
    await this.#keep(this.#time.state).catch(() => undefined);
    this.#parts.telemetry.clockCompared(this.#time.disagreementMs, this.#time.onlyStopped, this.trouble);
    return this.#time.seenMs;
  }

  async #keep(state: SeenTimeState): Promise<void> {
    const kept = this.#kept;
    const same =
      kept !== undefined &&
      state.seenMs - kept.seenMs < KEPT_EVERY_MS &&
      state.behindSinceMs === kept.behindSinceMs &&
      state.jumps.length === kept.jumps.length;
    if (same) return;
    await this.#parts.keepTime(state);
    this.#kept = { ...state, jumps: [...state.jumps] };
  }
}

/** How the wall clock differs from the time that was seen to pass, for people; `undefined` while they agree. */
export function describeJump({ disagreementMs, onlyStopped }: SeenTime): string | undefined {
  if (disagreementMs === 0) return undefined;
  const hours = (Math.abs(disagreementMs) / 3_600_000).toFixed(1);
  if (disagreementMs < 0) return `the machine's clock is ${hours} h behind the time that was seen to pass`;
  return onlyStopped
    ? `the machine's clock is ${hours} h ahead of the time that was seen to pass, since a stop of the pipeline`
    : `the machine's clock jumped ${hours} h ahead of the time that was seen to pass`;
}
