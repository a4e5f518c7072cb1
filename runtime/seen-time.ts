/** A difference up to this is how clocks are: they drift, and are corrected. Milliseconds. */
export const CLOCK_TOLERANCE_MS = 5 * 60 * 1000;
/** A difference that was lived with for so long is believed. Milliseconds of time seen to pass. */
export const BELIEVED_AFTER_MS = 6 * 60 * 60 * 1000;
/** A small difference is taken over at this share of the time that passes, so that many small steps are no way to jump. */
const FOLLOW_SHARE = 0.1;
/** Jumps that are remembered one by one; more of them wait together with the newest. */
const JUMPS_KEPT = 32;

/** How far the wall clock went ahead of the time that was seen to pass, and since when. */
export interface ClockJump {
  readonly ms: number;
  /** On the scale of `seenMs`. */
  readonly sinceMs: number;
  /** It came while nobody ran: time may really have passed. Else the monotonic clock was there, and knows better. */
  readonly whileStopped: boolean;
}

/** What has to outlive the process. */
export interface SeenTimeState {
  /** Time seen to pass, counted from the wall clock's time when counting began. Never goes back, never jumps. Milliseconds. */
  readonly seenMs: number;
  /** Added to `seenMs`, the time of day that is believed. */
  readonly offsetMs: number;
  readonly jumps: readonly ClockJump[];
  /** Since when (scale of `seenMs`) the wall clock has been behind. */
  readonly behindSinceMs: number | undefined;
}

/** Of a file that is new: there is nothing to know better by than the wall clock. */
export function beginSeenTime(wallMs: number): SeenTimeState {
  return { seenMs: wallMs, offsetMs: 0, jumps: [], behindSinceMs: undefined };
}

/**
 * Time as deletion may use it. A wall clock can be wrong by years (no battery, a bad time server), and what was deleted
 * on its word does not come back; so it is compared with the monotonic clock, which only knows how long this process ran.
 *
 * Two times come out of it:
 * - `seenMs` counts what was seen to pass, over all processes that kept the state: the age of what we put in ourselves.
 *   No clock can move it. Time during which nobody ran is not in it, unless a person says so (`confirm`).
 * - `believedMs` is the time of day, for what carries a date from elsewhere. It follows the wall clock while that agrees
 *   with the time seen to pass; a jump ahead waits until it was lived with for `BELIEVED_AFTER_MS`, each jump by itself,
 *   so that neither a daily stop blocks it for ever nor an old jump lends its age to a new one. It is never ahead of the
 *   wall clock: a clock that went back deletes less, at once.
 *
 * Modes: agreeing (no jump waits) → ahead (a jump waits) → agreeing, by time, by `confirm`, or because the clock went
 * back; agreeing → behind (the wall clock is earlier than what is believed) → agreeing, when the clock comes forward
 * again, or after `BELIEVED_AFTER_MS`.
 *
 * Pure: both clocks are handed in. A machine that sleeps stops the monotonic clock, and looks like a jump.
 */
export class SeenTime {
  #seenMs: number;
  #offsetMs: number;
  #jumps: ClockJump[];
  #behindSinceMs: number | undefined;
  #wallMs: number;
  /** `undefined` until the first look of this process, before which nobody ran. */
  #monotonicMs: number | undefined;

  constructor(state: SeenTimeState) {
    this.#seenMs = state.seenMs;
    this.#offsetMs = state.offsetMs;
    this.#jumps = [...state.jumps];
    this.#behindSinceMs = state.behindSinceMs;
    this.#wallMs = state.seenMs + state.offsetMs;
  }

  /** @param monotonicMs of a clock that nobody sets, such as `performance.now()`. */
  look(wallMs: number, monotonicMs: number): void {
    const whileStopped = this.#monotonicMs === undefined;
    const passedMs = Math.max(0, monotonicMs - (this.#monotonicMs ?? monotonicMs));
    this.#monotonicMs = monotonicMs;
    this.#wallMs = wallMs;
    this.#seenMs += passedMs;
    this.#compare(whileStopped);
    this.#follow(passedMs);
    this.#believeWhatLasted();
  }

  /** A person says that the wall clock is right, and that the time during which nobody ran did pass. */
  confirm(): void {
    for (const { ms, whileStopped } of this.#jumps) if (whileStopped) this.#seenMs += ms;
    this.#jumps = [];
    this.#offsetMs = this.#wallMs - this.#seenMs;
    this.#behindSinceMs = undefined;
  }

  get seenMs(): number {
    return Math.floor(this.#seenMs);
  }

  /** `seenMs` at a moment since the last look. */
  seenMsAt(monotonicMs: number): number {
    return Math.floor(this.#seenMs + Math.max(0, monotonicMs - (this.#monotonicMs ?? monotonicMs)));
  }

  get believedMs(): number {
    return Math.floor(Math.min(this.#wallMs, this.#seenMs + this.#offsetMs));
  }

  /** How far the wall clock is ahead of what is believed; negative: behind. 0 while it agrees. Milliseconds. */
  get disagreementMs(): number {
    if (this.#jumps.length === 0 && this.#behindSinceMs === undefined) return 0;
    return Math.round(this.#aheadMs());
  }

  /** Whether what disagrees may be no more than a long stop. */
  get onlyStopped(): boolean {
    return this.#jumps.length > 0 && this.#jumps.every(({ whileStopped }) => whileStopped);
  }

  get state(): SeenTimeState {
    return {
      seenMs: this.seenMs,
      offsetMs: Math.round(this.#offsetMs),
      jumps: this.#jumps,
      behindSinceMs: this.#behindSinceMs,
    };
  }

  #aheadMs(): number {
    return this.#wallMs - this.#seenMs - this.#offsetMs;
  }

  /** What is neither believed nor waiting. */
  #unexplainedMs(): number {
    return this.#aheadMs() - this.#jumps.reduce((sum, { ms }) => sum + ms, 0);
  }

  #compare(whileStopped: boolean): void {
    if (this.#unexplainedMs() > CLOCK_TOLERANCE_MS) {
      this.#jumps.push({ ms: this.#unexplainedMs(), sinceMs: this.#seenMs, whileStopped });
      if (this.#jumps.length > JUMPS_KEPT) this.#joinNewest();
    }
    // The clock went back: as far as it did, the newest jumps never were.
    while (this.#jumps.length > 0 && this.#unexplainedMs() < -CLOCK_TOLERANCE_MS) {
      const ms = (this.#jumps.at(-1) as ClockJump).ms + this.#unexplainedMs();
      const newest = this.#jumps.pop() as ClockJump;
      if (ms > CLOCK_TOLERANCE_MS) this.#jumps.push({ ...newest, ms });
    }
    if (this.#aheadMs() >= -CLOCK_TOLERANCE_MS) this.#behindSinceMs = undefined;
    else this.#behindSinceMs ??= this.#seenMs;
  }

  #joinNewest(): void {
    const [older, newer] = this.#jumps.splice(-2) as [ClockJump, ClockJump];
    const whileStopped = older.whileStopped && newer.whileStopped;
    this.#jumps.push({ ms: older.ms + newer.ms, sinceMs: newer.sinceMs, whileStopped });
  }

  #follow(passedMs: number): void {
    const unexplainedMs = this.#unexplainedMs();
    if (Math.abs(unexplainedMs) > CLOCK_TOLERANCE_MS) return;
    const mostMs = passedMs * FOLLOW_SHARE;
    this.#offsetMs += Math.min(mostMs, Math.max(-mostMs, unexplainedMs));
  }

  #believeWhatLasted(): void {
    const lasted = (sinceMs: number): boolean => this.#seenMs - sinceMs >= BELIEVED_AFTER_MS;
    while (this.#jumps[0] !== undefined && lasted(this.#jumps[0].sinceMs)) {
      this.#offsetMs += (this.#jumps.shift() as ClockJump).ms;
    }
    if (this.#behindSinceMs === undefined || !lasted(this.#behindSinceMs)) return;
    this.#offsetMs = this.#wallMs - this.#seenMs;
    this.#behindSinceMs = undefined;
  }
}
