const QUARTER_MS = 15 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Quarters of an hour whose offset is remembered: current times fall into a few of them. */
const REMEMBERED = 256;

/** A time as a clock on a wall shows it, as milliseconds since the epoch if the wall stood in UTC. */
export type WallTime = number;

/**
 * Turns the local times of one zone into instants.
 *
 * `Intl` knows the zones, but only from instant to local time, and slowly (a formatter takes milliseconds to make): one
 * formatter a zone, and offsets are remembered by the quarter of an hour, since they change only between two quarters.
 */
export class TimeZone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #offsets = new Map<number, number>();

  /** @throws RangeError when `Intl` knows no such zone. */
  constructor(name: string) {
    this.name = name;
    this.#format = new Intl.DateTimeFormat('en-US-u-ca-iso8601', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /**
   * The instant at which the zone's clocks show `wall`. When they show it twice (the end of summer time), the one
   * nearer to `near`; when they never do (its beginning), as if they had not been put forward yet.
   */
  instantOf(wall: WallTime, near: number): number {
    // No zone changes its offset twice within two days, so these are the offsets that can be meant.
    const before = wall - this.#offsetAt(wall - DAY_MS);
    const after = wall - this.#offsetAt(wall + DAY_MS);
    if (before === after) return before;
    const beforeFits = before + this.#offsetAt(before) === wall;
    const afterFits = after + this.#offsetAt(after) === wall;
    if (beforeFits && afterFits) return Math.abs(before - near) <= Math.abs(after - near) ? before : after;
    return afterFits ? after : before;
  }

  /** Milliseconds that the zone is ahead of UTC at an instant. */
  #offsetAt(instant: number): number {
    const quarter = Math.floor(instant / QUARTER_MS);
    const known = this.#offsets.get(quarter);
    if (known !== undefined) return known;
    if (this.#offsets.size >= REMEMBERED) this.#offsets.clear();
    const start = quarter * QUARTER_MS;
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of this.#format.formatToParts(start)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    const offset = Date.UTC(year, month - 1, day, hour, minute, second) - start;
    this.#offsets.set(quarter, offset);
    return offset;
  }
}
